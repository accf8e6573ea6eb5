// An index: what it is, what each shard holds, what is being built.
import { html } from '../html.js';
import { bytes, count, counted, time } from '../figures.js';
import { Bar, State } from '../parts/state.js';

export function IndexPage({ index }) {
  const total = { segments: 0, live: 0, dead: 0, bytes: 0, tail: 0 };
  for (const { segments, tail } of index.shard_status) {
    total.segments += segments?.count ?? 0;
    total.live += segments?.documents ?? 0;
    total.dead += segments?.dead ?? 0;
    total.bytes += segments?.bytes ?? 0;
    total.tail += tail?.documents ?? 0;
  }
  const builds = index.shard_status.flatMap((shard) => shard.builds?.map((build) => ({ ...build, shard: shard.shard })) ?? []);
  return html`
    <dl class="figures">
      <div><dt>Documents</dt><dd>${count(index.documents)}</dd></div>
      <div><dt>Segments</dt><dd>${count(total.segments)}</dd><dd class="hint">${bytes(total.bytes)}</dd></div>
      <div><dt>In no segment yet</dt><dd>${count(total.tail)}</dd></div>
      <div><dt>Dead in segments</dt><dd>${count(total.dead)}</dd><dd class="hint">${share(total.dead, total.live + total.dead)}</dd></div>
    </dl>
    <div class="columns">
      <section class="card" aria-labelledby="schema">
        <h2 id="schema">Schema</h2>
        <dl class="facts">
          <div><dt>Status</dt><dd><${State} word=${index.status} /></dd></div>
          <div><dt>Dimension</dt><dd class="number">${count(index.dim)}</dd></div>
          <div><dt>Metric</dt><dd>${index.metric.replace('_', ' ')}</dd></div>
          <div><dt>Shards</dt><dd class="number">${count(index.shards)}</dd></div>
          <div><dt>Quantization</dt><dd>${index.quantization}</dd></div>
          <div><dt>Links of a node</dt><dd class="number">${count(index.hnsw?.m)}</dd></div>
          <div><dt>ef while building</dt><dd class="number">${count(index.hnsw?.ef_construction)}</dd></div>
          <div><dt>Aliases</dt><dd>${index.aliases.length > 0 ? index.aliases.join(', ') : 'none'}</dd></div>
          <div class="wide"><dt>UUID</dt><dd><code>${index.uuid}</code></dd></div>
        </dl>
      </section>
      <section class="card" aria-labelledby="builds">
        <h2 id="builds">Being built</h2>
        ${builds.length === 0 && html`<p class="hint">Nothing at the moment.</p>`}
        <ul class="plain">
          ${builds.map((build) => html`<li key=${build.task} class="build">
            <p><strong>${build.kind === 'seal' ? 'Seal of new documents' : 'Merge of segments'}</strong> · shard ${build.shard}
              <span class="hint"> · ${build.waits ? 'waits for its turn' : `for ${time(build.running_ms)}`}</span></p>
            <${Bar} of=${`${build.kind} on shard ${build.shard}`} done=${build.done} total=${build.documents} />
            <p class="hint">${count(build.done)} of ${counted(build.documents, 'document')}</p>
          </li>`)}
        </ul>
      </section>
    </div>
    <section aria-labelledby="shards">
      <h2 id="shards">Shards</h2>
      <div class="scroll" tabindex="0" role="region" aria-label="Table of shards">
        <table>
          <thead><tr>
            <th scope="col" class="right">Shard</th><th scope="col">State</th><th scope="col" class="right">Documents</th><th scope="col" class="right">Seq</th>
            <th scope="col" class="right">Segments</th><th scope="col" class="right">Live in them</th><th scope="col" class="right">Dead</th><th scope="col" class="right">Size</th>
            <th scope="col" class="right">In none</th><th scope="col" class="right">In the head</th><th scope="col" class="right">Pending</th>
          </tr></thead>
          <tbody>
            ${index.shard_status.map((shard) => html`<tr key=${shard.shard}>
              <th scope="row" class="right">${shard.shard}</th>
              <td>${shard.error ? html`<${State} word="unavailable" /> <span class="hint">${shard.error.message}</span>` : html`<${State} word=${shard.pending > 0 ? 'building' : 'ready'} />`}</td>
              <td class="number">${count(shard.documents)}</td><td class="number">${count(shard.seq)}</td>
              <td class="number">${count(shard.segments?.count)}</td><td class="number">${count(shard.segments?.documents)}</td>
              <td class="number">${count(shard.segments?.dead)}</td><td class="number">${bytes(shard.segments?.bytes)}</td>
              <td class="number">${count(shard.tail?.documents)}</td><td class="number">${count(shard.tail?.in_head)}</td>
              <td class="number">${count(shard.pending)}</td>
            </tr>`)}
          </tbody>
        </table>
      </div>
    </section>`;
}

function share(part, whole) {
  return whole === 0 ? '' : `${((part / whole) * 100).toFixed(1)} %`;
}
