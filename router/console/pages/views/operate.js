// What is done to an index: dumps, rollouts, and the tasks that they are.
import { html, useState } from '../html.js';
import { useCell } from '../cell.js';
import { post } from '../api.js';
import { useDeed } from '../outcome.js';
import { OVER, cluster, tasks } from '../world.js';
import { count, counted } from '../figures.js';
import { Dialog } from '../parts/dialog.js';
import { Id } from '../parts/id.js';
import { Bar, State } from '../parts/state.js';
import { Dumps, useDumps } from './operate/dumps.js';
import { Rollouts } from './operate/rollouts.js';

export function OperatePage({ index }) {
  const seen = useCell(cluster);
  const { dumps, why } = useDumps(index.name);
  return html`
    ${seen && html`<${Rollouts} index=${index} seen=${seen} dumps=${dumps} />`}
    <${Dumps} index=${index} isCluster=${Boolean(seen)} dumps=${dumps} why=${why} />
    <${Tasks} index=${index} />
    ${seen && html`<${Coordinator} seen=${seen} />`}
    ${seen === false && html`<section class="card"><h2>Rollouts</h2>
      <p>This server is one process, which holds the one copy of each shard: there is nothing to roll out.
        A dump of it is restored into a stopped server's folder by <code>annuli dump restore --workspace</code>.</p></section>`}`;
}

function Tasks({ index }) {
  const known = useCell(tasks);
  const [all, setAll] = useState(false);
  const shown = known.filter((task) => all || task.index === index.name);
  return html`<section class="card" aria-labelledby="tasks">
    <div class="headed"><h2 id="tasks">Tasks</h2>
      <label class="check"><input type="checkbox" checked=${all} onChange=${(event) => setAll(event.target.checked)} /> of every index</label>
    </div>
    ${shown.length === 0 ? html`<p class="hint">None is remembered.</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label="Table of tasks"><table>
      <thead><tr><th scope="col">Task</th><th scope="col">Kind</th>${all && html`<th scope="col">Index</th>`}<th scope="col">Status</th><th scope="col">Progress</th><th scope="col">What came of it</th></tr></thead>
      <tbody>${shown.map((task) => html`<tr key=${task.id}>
        <td><${Id} id=${task.id} /></td>
        <td>${task.kind}${task.shard !== undefined && html`<span class="hint"> · shard ${task.shard}</span>`}</td>
        ${all && html`<td>${task.index ?? '–'}</td>`}
        <td><${State} word=${task.status} /></td>
        <td><${Progress} task=${task} /></td>
        <td class="said">${task.error ? html`<span class="bad">${task.error.message}</span>` : result(task)}</td>
      </tr>`)}</tbody>
    </table></div>`}
  </section>`;
}

function Progress({ task }) {
  const { progress } = task;
  const [done, total, what] = progress.shards_total !== undefined ? [progress.shards_done, progress.shards_total, 'shard']
    : progress.replicas_total !== undefined ? [progress.replicas_ready, progress.replicas_total, 'replica']
      : [progress.documents_done ?? 0, progress.documents_total ?? 0, 'document'];
  return html`<span class="progress">${!OVER.includes(task.status) && html`<${Bar} of=${`${task.kind} ${task.id}`} done=${done} total=${total} />`}
    <span class="hint">${count(done)} of ${counted(total, what)}</span></span>`;
}

function result(task) {
  const generation = task.result?.generation;
  if (generation !== undefined && generation !== null) return `generation ${generation}`;
  return task.status === 'succeeded' && task.result?.documents !== undefined ? counted(task.result.documents, 'document') : '';
}

function Coordinator({ seen }) {
  const [asking, ask] = useState(false);
  const [busy, run] = useDeed();
  const stepDown = () => {
    ask(false);
    run(async () => {
      const { coordinator } = await post('/v1/cluster/coordinator/step-down');
      return `${coordinator ?? 'Nobody'} coordinated until now; another is elected.`;
    });
  };
  return html`<section class="card" aria-labelledby="coordinator">
    <div class="headed"><h2 id="coordinator">Coordinator</h2>
      <button disabled=${busy || !seen.coordinator} onClick=${() => ask(true)}>Let another coordinate …</button></div>
    <p>${seen.coordinator ?? 'Nobody at the moment'} <span class="hint">· epoch ${count(seen.epoch)}</span></p>
    ${asking && html`<${Dialog} title="Let another router coordinate?" verb="Step down" onClose=${() => ask(false)} onAgree=${stepDown}>
      <p>${seen.coordinator} ends its turn. Dumps and rollouts wait until another router is elected, which then goes on with them.</p>
    </${Dialog}>`}
  </section>`;
}
