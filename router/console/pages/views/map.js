// Who holds what: the rings, who is chosen in them, and the same as a table.
import { html, useState } from '../html.js';
import { useCell } from '../cell.js';
import { cluster, figures } from '../world.js';
import { membersOf } from '../members.js';
import { count, counted, time } from '../figures.js';
import { Rings } from '../parts/rings.js';
import { State, look } from '../parts/state.js';

export function MapPage({ index }) {
  const [seen, told] = [useCell(cluster), useCell(figures)];
  const [chosen, choose] = useState(/** @type {string | null} */ (null));
  const shards = membersOf(index, seen, told);
  const all = shards.flatMap((shard) => shard.members);
  const member = all.find((one) => one.key === chosen) ?? all[0];
  const placed = seen ? seen.indexes[index.name] : undefined;
  const preparing = placed?.preparing ?? null;
  const [heading, below] = pithOf(index, seen, placed);
  return html`
    <section class="map ${seen ? '' : 'alone'}" aria-label="Rings">
      <figure>
        <${Rings} name=${index.name} shards=${shards} preparing=${preparing} chosen=${member?.key ?? null} onChoose=${choose} heading=${heading} below=${below} />
        <${Legend} isCluster=${Boolean(seen)} />
      </figure>
      <div class="beside">
        <${Summary} index=${index} seen=${seen} placed=${placed} all=${all} />
        ${member && html`<${Details} member=${member} />`}
      </div>
    </section>
    <section aria-labelledby="holders">
      <h2 id="holders">Shards and their holders</h2>
      <${Table} shards=${shards} isCluster=${Boolean(seen)} chosen=${member?.key} />
    </section>`;
}

/** What stands in the middle. */
function pithOf(index, seen, placed) {
  if (!seen) return [count(index.shard_status.length), index.shard_status.length === 1 ? 'shard' : 'shards'];
  const official = placed?.generation ?? 'none';
  return [placed?.preparing === undefined ? String(official) : `${official} → ${placed.preparing}`, 'generation'];
}

function Legend({ isCluster }) {
  return html`<figcaption class="legend">
    <span><i class="swatch heart"></i>${isCluster ? 'primary: writes' : 'shard'}</span>
    ${isCluster && html`<span><i class="swatch sap"></i>replica: answers from a generation</span>`}
    <span><i class="stroke kept"></i>${isCluster ? 'a segment, a generation' : 'a segment'}</span>
    <span><i class="stroke growing"></i>${isCluster ? 'tail, or being prepared' : 'documents in no segment yet'}</span>
    ${isCluster && html`<span><i class="swatch calls"></i>calls under way</span>`}
    <span><i class="swatch broken"></i>cannot serve</span>
  </figcaption>`;
}

function Summary({ index, seen, placed, all }) {
  const sick = all.filter((member) => look(member.state) === 'bad').length;
  const ready = all.filter((member) => member.state === 'ready').length;
  return html`<dl class="facts">
    <div><dt>Status</dt><dd><${State} word=${index.status} /></dd></div>
    <div><dt>Documents</dt><dd class="number">${count(index.documents)}</dd></div>
    ${seen && html`
      <div><dt>Generation</dt><dd class="number">${placed?.generation ?? 'none yet'}</dd></div>
      ${placed?.preparing !== undefined && html`<div><dt>Being rolled out</dt><dd class="number">${placed.preparing}</dd></div>`}
      <div><dt>Ready</dt><dd class="number">${ready} of ${all.length}${sick > 0 && html` <span class="bad">(${sick} cannot serve)</span>`}</dd></div>
      <div><dt>Coordinator</dt><dd>${seen.coordinator ?? 'nobody at the moment'}</dd></div>
      ${placed?.held && html`<div class="wide"><dt>Held</dt><dd>Somebody rolled back: nothing is rolled out by itself until a rollout is started.</dd></div>`}`}
    ${seen === false && html`<div class="wide"><dt>Form</dt><dd>One process holds every shard. Replicas, generations and a coordinator are a cluster's.</dd></div>`}
  </dl>`;
}

function Details({ member }) {
  const title = { primary: 'Primary', replica: `Replica ${member.place}`, process: 'this process' }[member.role];
  const generations = Object.entries(member.generations);
  return html`<section class="card" aria-label="Chosen in the rings">
    <h2 aria-live="polite">Shard ${member.shard} <span class="hint">· ${title}</span></h2>
    <dl class="facts">
      ${member.address && html`<div class="wide"><dt>Address</dt><dd><code>${member.address}</code></dd></div>`}
      <div><dt>State</dt><dd><${State} word=${member.state} /></dd></div>
      ${member.health && html`<div><dt>Health</dt><dd><${State} word=${member.health} /></dd></div>`}
      <div><dt>Seq</dt><dd class="number">${count(member.seq)}</dd></div>
      ${member.behind !== null && html`<div><dt>Behind</dt><dd class="number">${counted(member.behind, 'write')}</dd></div>`}
      ${member.documents !== null && html`<div><dt>Documents</dt><dd class="number">${count(member.documents)}</dd></div>`}
      ${member.segments && html`<div><dt>Segments</dt><dd class="number">${count(member.segments.count)}</dd></div>`}
      ${member.calls !== null && html`<div><dt>Calls under way</dt><dd class="number">${count(member.calls)}</dd></div>`}
      ${member.answerMs !== null && html`<div><dt>An answer takes</dt><dd class="number">${time(member.answerMs)}</dd></div>`}
    </dl>
    ${generations.length > 0 && html`<ul class="generations" aria-label="Generations that it has">
      ${generations.map(([generation, said]) => html`<li key=${generation}><span class="number">${generation}</span> <${State} word=${said} /></li>`)}
    </ul>`}
    ${member.why && html`<p class="bad">${member.why}</p>`}
  </section>`;
}

function Table({ shards, isCluster, chosen }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Table of holders">
    <table>
      <thead><tr>
        <th scope="col" class="right">Shard</th><th scope="col">Role</th><th scope="col">State</th>
        ${isCluster && html`<th scope="col">Address</th><th scope="col" class="right">Generation</th>`}
        <th scope="col" class="right">Seq</th>
        ${isCluster && html`<th scope="col" class="right">Behind</th>`}
        <th scope="col" class="right">Documents</th>
        ${isCluster && html`<th scope="col" class="right">Under way</th><th scope="col" class="right">Answer</th><th scope="col">Health</th>`}
      </tr></thead>
      <tbody>
        ${shards.flatMap(({ members }) => members).map((member) => html`<tr key=${member.key} class="${member.place === 0 ? 'begins' : ''} ${member.key === chosen ? 'chosen' : ''}">
          <th scope="row" class="right">${member.shard}</th>
          <td>${member.role === 'replica' ? `replica ${member.place}` : member.role}</td>
          <td><${State} word=${member.state} /></td>
          ${isCluster && html`<td><code>${member.address ?? '–'}</code></td><td class="number">${member.generation ?? '–'}</td>`}
          <td class="number">${count(member.seq)}</td>
          ${isCluster && html`<td class="number">${member.role === 'replica' ? count(member.behind) : '–'}</td>`}
          <td class="number">${count(member.documents)}</td>
          ${isCluster && html`<td class="number">${count(member.calls)}</td><td class="number">${time(member.answerMs)}</td>
            <td>${member.health ? html`<${State} word=${member.health} />` : '–'}</td>`}
        </tr>`)}
      </tbody>
    </table>
  </div>`;
}
