// An index as the rings of a tree. A sector is a shard; the heartwood is who writes it, each ring around is a replica.
// What grows in a sector is what it holds: a line for each segment of a primary, for each generation of a replica.
import { html, useId, useRef } from '../html.js';
import { count } from '../figures.js';
import { progressOf } from '../members.js';
import { look } from './state.js';

const SIZE = 440;
const MIDDLE = SIZE / 2;
const OUTERMOST = MIDDLE - 6;
/** Room for the words in the middle. */
const PITH = 50;
const BETWEEN = 4;
/** More lines than these could not be told apart. */
const LINES_MAX = 7;

/**
 * @param {{name: string, shards: {shard: number, members: import('../members.js').Member[]}[], preparing: number | null,
 *   chosen: string | null, onChoose: (key: string) => void, heading: string, below: string}} props
 */
export function Rings({ name, shards, preparing, chosen, onChoose, heading, below }) {
  const id = useId();
  const list = useRef(null);
  const rings = Math.max(...shards.map((shard) => shard.members.length));
  // A lone process has one ring: without a wide middle it would be a wall.
  const pith = rings === 1 ? OUTERMOST / 2 : PITH;
  const width = (OUTERMOST - pith - BETWEEN * (rings - 1)) / rings;
  const sectors = shards.flatMap(({ members }, nth) => members.map((member) => {
    const inner = pith + member.place * (width + BETWEEN);
    const [from, to] = [(nth / shards.length) * 2 * Math.PI, ((nth + 1) / shards.length) * 2 * Math.PI];
    return { member, inner, outer: inner + width, from, to, sector: nth };
  }));
  const move = (/** @type {KeyboardEvent} */ event) => {
    const steps = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const at = sectors.find((sector) => sector.member.key === chosen) ?? sectors[0];
    const nth = (at.sector + step[0] + shards.length) % shards.length;
    const members = shards[nth].members;
    const place = Math.min(Math.max(at.member.place + step[1], 0), members.length - 1);
    onChoose(members[place].key);
  };
  const option = (key) => `${id}-${key.replace('/', '-')}`;
  return html`<svg class="rings" viewBox="0 0 ${SIZE} ${SIZE}" ref=${list} role="listbox" tabindex="0"
      aria-label="Shards of ${name}, by who holds them: left and right to the next shard, up and down among its copies"
      aria-activedescendant=${chosen ? option(chosen) : null} onKeyDown=${move}
      onFocus=${() => chosen ?? onChoose(sectors[0].member.key)}>
    ${sectors.map((sector) => html`<${Sector} key=${sector.member.key} ...${sector} id=${option(sector.member.key)}
      isChosen=${sector.member.key === chosen} onChoose=${onChoose} preparing=${preparing} />`)}
    ${sectors.filter((sector) => sector.member.key === chosen).map((sector) => html`<path class="chosen" d=${area(sector)} />`)}
    <g class="pith" aria-hidden="true">
      <text x=${MIDDLE} y=${MIDDLE + 2}>${heading}</text>
      <text class="hint" x=${MIDDLE} y=${MIDDLE + 20}>${below}</text>
    </g>
  </svg>`;
}

/** @typedef {{inner: number, outer: number, from: number, to: number}} Place two radii, two angles */

/** @param {{member: import('../members.js').Member, id: string, isChosen: boolean, onChoose: (key: string) => void, preparing: number | null} & Place} props */
function Sector({ member, id, isChosen, onChoose, preparing, ...place }) {
  const kind = look(member.state);
  const spoken = [
    `shard ${member.shard}`, member.documents === null ? '' : `${count(member.documents)} documents`,
    member.role === 'replica' ? `replica ${member.place}` : member.role, member.state,
    member.generation === null ? '' : `generation ${member.generation}`, member.address ?? '',
  ];
  return html`<g id=${id} role="option" aria-selected=${isChosen ? 'true' : 'false'} aria-label=${spoken.filter(Boolean).join(', ')}
      class="sector ${member.role} ${kind} ${member.generation === null && member.role === 'replica' ? 'blank' : ''} ${member.health ?? ''}"
      onClick=${() => onChoose(member.key)}>
    <path class="wood" d=${area(place)} />
    ${lines(member, preparing).map((line, nth, all) => html`<${Line} key=${line.key} line=${line} nth=${nth} of=${all.length} ...${place} />`)}
    ${(member.calls ?? 0) > 0 && html`<${Calls} calls=${member.calls} ...${place} />`}
    <${Words} member=${member} ...${place} />
  </g>`;
}

/** The innermost first. */
function lines(member, preparing) {
  if (member.role === 'replica') {
    return Object.entries(member.generations).slice(-LINES_MAX).map(([generation, said]) => ({
      key: generation,
      look: said === 'ready' ? (Number(generation) === member.generation ? 'official' : 'kept') : look(said) === 'bad' ? 'broken' : 'growing',
      part: Number(generation) === preparing && said !== 'ready' ? progressOf(said) : 1,
    }));
  }
  const segments = Math.min(member.segments?.count ?? 0, LINES_MAX - 1);
  const grown = Array.from({ length: segments }, (_, nth) => ({ key: `s${nth}`, look: 'kept', part: 1 }));
  return member.tail?.documents > 0 ? [...grown, { key: 'tail', look: 'growing', part: 1 }] : grown;
}

function Line({ line, nth, of, inner, outer, from, to }) {
  const radius = inner + ((outer - inner) * (nth + 1)) / (of + 1);
  const gap = (BETWEEN + 8) / 2 / radius;
  const [begin, end] = [from + gap, to - gap];
  const whole = arc(radius, begin, end);
  return html`<path class="line ${line.look}" d=${whole} />
    ${line.look === 'growing' && line.part > 0 && line.part < 1 && html`<path class="line grown" d=${arc(radius, begin, begin + (end - begin) * line.part)} />`}`;
}

/** A dot whose area is how many calls are under way. */
function Calls({ calls, inner, outer, from, to }) {
  const size = Math.min(2 + Math.sqrt(calls) * 2, (outer - inner) / 3);
  const [x, y] = at((inner + outer) / 2, from + (to - from) * 0.82);
  return html`<circle class="calls" cx=${x} cy=${y} r=${size} />`;
}

/** What a sector is: as much of it as there is room for. */
function Words({ member, inner, outer, from, to }) {
  const [middle, radius] = [(from + to) / 2, (inner + outer) / 2];
  const along = Math.min(radius * (to - from), radius * 2);
  const room = Math.min((outer - inner) / Math.max(Math.abs(Math.sin(middle)), 0.01), along / Math.max(Math.abs(Math.cos(middle)), 0.01));
  if (outer - inner < 20 || room < 16) return null;
  const [x, y] = at(radius, middle);
  const blank = look(member.state) === 'busy' ? '…' : '–';
  const word = member.role === 'replica' ? (member.generation ?? blank) : room > 50 ? `shard ${member.shard}` : member.shard;
  const second = member.role !== 'replica' && outer - inner > 44 && room > 40 && member.documents !== null;
  return html`<text class="words" aria-hidden="true"><tspan x=${x} y=${y + 4}>${word}</tspan>${second && html`${' '}<tspan class="small" x=${x} y=${y + 19}>${count(member.documents)}</tspan>`}</text>`;
}

/** Angles go from the top with the clock. */
function at(radius, angle) {
  return [MIDDLE + radius * Math.sin(angle), MIDDLE - radius * Math.cos(angle)].map((number) => Number(number.toFixed(2)));
}

function arc(radius, from, to) {
  const large = to - from > Math.PI ? 1 : 0;
  return `M${at(radius, from)}A${radius},${radius} 0 ${large} 1 ${at(radius, to)}`;
}

/** A piece of a ring, with the same space to the next on its inner and its outer side. */
function area({ inner, outer, from, to }) {
  const [gapIn, gapOut] = [BETWEEN / 2 / inner, BETWEEN / 2 / outer];
  const large = to - from > Math.PI ? 1 : 0;
  return `M${at(outer, from + gapOut)}A${outer},${outer} 0 ${large} 1 ${at(outer, to - gapOut)}`
    + `L${at(inner, to - gapIn)}A${inner},${inner} 0 ${large} 0 ${at(inner, from + gapIn)}Z`;
}
