// Lines over time, or over anything else. Pointer or arrow keys read them off; the same stands below as a table.
import { html, useEffect, useId, useRef, useState } from '../html.js';

const LEFT = 52;
const RIGHT = 14;
const TOP = 10;
const BOTTOM = 24;
const BETWEEN_TICKS = 62;

/**
 * @typedef {{name: string, points: [number, number | null][]}} Series at most four: more cannot be told apart
 * @param {{title: string, series: Series[], x: (at: number) => string, y: (value: number) => string, height?: number,
 *   log?: boolean, low?: number, high?: number, dots?: boolean, from?: number, to?: number, mark?: number | null}} props
 */
export function Plot({ title, series, x, y, height = 190, log = false, low, high, dots = false, from, to, mark = null }) {
  const id = useId();
  const frame = useRef(null);
  const [width, setWidth] = useState(560);
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.max(240, entry.contentRect.width)));
    watch.observe(frame.current);
    return () => watch.disconnect();
  }, []);
  const places = [...new Set(series.flatMap((one) => one.points.map(([place]) => place)))].sort((a, b) => a - b);
  const values = series.flatMap((one) => one.points.map(([, value]) => value)).filter((value) => value !== null);
  const [first, last] = [from ?? places[0] ?? 0, to ?? places.at(-1) ?? 1];
  const floor = low ?? 0;
  const steps = high === undefined ? nice(floor, Math.max(...values, 0) || 1) : fifths(floor, high);
  const ceiling = steps[steps.length - 1];
  const along = log ? Math.log : (number) => number;
  const across = (place) => LEFT + ((along(place) - along(first)) / (along(last) - along(first) || 1)) * (width - LEFT - RIGHT);
  const up = (value) => TOP + (1 - (value - floor) / (ceiling - floor || 1)) * (height - TOP - BOTTOM);
  const nearest = at === null || places.length === 0 ? null : places.reduce((best, place) => (Math.abs(across(place) - at) < Math.abs(across(best) - at) ? place : best));
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || places.length === 0) return;
    event.preventDefault();
    const now = nearest === null ? (step > 0 ? -1 : places.length) : places.indexOf(nearest);
    setAt(across(places[Math.min(Math.max(now + step, 0), places.length - 1)]));
  };
  const point = (/** @type {PointerEvent} */ event) => {
    setAt(event.clientX - /** @type {Element} */ (event.currentTarget).getBoundingClientRect().left);
  };
  const read = nearest ?? mark ?? places.at(-1);
  const readings = series.map((one) => ({ name: one.name, value: valueAt(one, read) }));
  return html`<figure class="plot" ref=${frame}>
    <figcaption id=${id}>
      <strong>${title}</strong>
      <span class="hint">${read === undefined ? '' : x(read)}</span>
      <span class="keys" aria-live=${nearest === null ? 'off' : 'polite'}>${readings.map((reading, nth) => html`<span key=${reading.name}>
        <i class="stroke s${nth}"></i>${reading.name} <b class="number">${reading.value === null ? '–' : y(reading.value)}</b></span>`)}</span>
    </figcaption>
    ${values.length === 0 ? html`<p class="hint blank" style=${{ height: `${height}px` }}>Nothing to be measured in this time.</p>` : html`
    <svg width=${width} height=${height} role="img" tabindex="0" aria-labelledby=${id} onKeyDown=${move} onPointerMove=${point}
        onPointerLeave=${() => setAt(null)} onBlur=${() => setAt(null)}>
      ${steps.map((step) => html`<g key=${step}><line class="grid" x1=${LEFT} x2=${width - RIGHT} y1=${up(step)} y2=${up(step)} />
        <text class="tick end" x=${LEFT - 8} y=${up(step) + 4}>${y(step)}</text></g>`)}
      ${ticks(first, last, log, across).map((tick, nth, all) => html`<text key=${tick} class="tick ${nth === 0 ? 'begin' : nth === all.length - 1 ? 'end' : ''}" x=${across(tick)} y=${height - 6}>${x(tick)}</text>`)}
      ${mark !== null && html`<line class="mark" x1=${across(mark)} x2=${across(mark)} y1=${TOP} y2=${height - BOTTOM} />`}
      ${series.map((one, nth) => html`<path key=${one.name} class="s${nth}" d=${path(one.points, across, up)} />`)}
      ${series.map((one, nth) => (dots ? measured : alone)(one.points).map(([place, value]) => html`<circle key=${`${nth}/${place}`} class="dot s${nth}" cx=${across(place)} cy=${up(value)} r=${place === mark ? 5 : 3} />`))}
      ${nearest !== null && html`<line class="cursor" x1=${across(nearest)} x2=${across(nearest)} y1=${TOP} y2=${height - BOTTOM} />`}
    </svg>`}
  </figure>`;
}

function valueAt(series, place) {
  return series.points.find(([known]) => known === place)?.[1] ?? null;
}

/** @param {[number, number | null][]} points */
function measured(points) {
  return points.filter(([, value]) => value !== null);
}

/** Those between gaps, which no line shows. @param {[number, number | null][]} points */
export function alone(points) {
  const isGap = (nth) => (points[nth]?.[1] ?? null) === null;
  return points.filter((_, nth) => !isGap(nth) && isGap(nth - 1) && isGap(nth + 1));
}

/** A gap stays a gap: nothing is drawn over what was not measured. */
function path(points, across, up) {
  let drawn = '';
  let pen = 'M';
  for (const [place, value] of points) {
    if (value === null) {
      pen = 'M';
      continue;
    }
    drawn += `${pen}${across(place).toFixed(1)},${up(value).toFixed(1)}`;
    pen = 'L';
  }
  return drawn;
}

/** Round numbers from `low` to just above `high`. */
export function nice(low, high) {
  const span = high - low || 1;
  const rough = span / 3;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * size).find((candidate) => candidate >= rough * 0.999) ?? rough;
  const found = [];
  for (let nth = 0; ; nth += 1) {
    const at = low + nth * step;
    found.push(Number(at.toPrecision(12)));
    if (at >= high - span * 1e-9) return found;
  }
}

/** Five steps from `low` to `high`, which are both among them. */
function fifths(low, high) {
  return Array.from({ length: 6 }, (_, nth) => Number((low + ((high - low) * nth) / 5).toPrecision(6)));
}

/** Round places from `first` to `last`, which are both among them, and as many between as there is room for. */
function ticks(first, last, log, across) {
  if (first === last) return [first];
  const round = [1, 2, 5].flatMap((digit) => [1, 10, 100, 1000].map((size) => digit * size)).sort((a, b) => a - b);
  const parts = across(last) - across(first) > BETWEEN_TICKS * 8 ? 6 : 3;
  const even = Array.from({ length: parts - 1 }, (_, nth) => first + ((last - first) * (nth + 1)) / parts);
  const kept = [first];
  for (const tick of log ? round : even) {
    const isWithin = tick > first && tick < last;
    if (isWithin && across(tick) - across(kept.at(-1)) >= BETWEEN_TICKS && across(last) - across(tick) >= BETWEEN_TICKS * 1.4) kept.push(tick);
  }
  return [...kept, last];
}
