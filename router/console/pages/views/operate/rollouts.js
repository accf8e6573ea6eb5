// Rollouts of an index: what one would do, that it is done, and where each replica is.
import { html, useEffect, useState } from '../../html.js';
import { useCell } from '../../cell.js';
import { indexPath, post } from '../../api.js';
import { failed, useDeed } from '../../outcome.js';
import { OVER, tasks } from '../../world.js';
import { counted, short } from '../../figures.js';
import { progressOf } from '../../members.js';
import { Dialog } from '../../parts/dialog.js';
import { Id } from '../../parts/id.js';
import { Bar, State } from '../../parts/state.js';

export function Rollouts({ index, seen, dumps }) {
  const known = useCell(tasks);
  const latest = known.find((task) => task.kind === 'rollout' && task.index === index.name);
  const underWay = latest && !OVER.includes(latest.status);
  return html`<section class="card" aria-labelledby="rollouts">
    <h2 id="rollouts">Rollout</h2>
    ${latest && html`<${Board} index=${index} rollout=${latest} placed=${seen.indexes[index.name]} />`}
    ${!underWay && html`<${Planner} index=${index} placed=${seen.indexes[index.name]} dumps=${dumps} />`}
  </section>`;
}

function Planner({ index, placed, dumps }) {
  const [plan, setPlan] = useState(/** @type {any} */ (null));
  const [wanted, setWanted] = useState(/** @type {any} */ (null));
  const [busy, run] = useDeed();
  // A plan is of the moment: it is void when something else became official.
  useEffect(() => setPlan(null), [placed?.generation, dumps?.length]);
  if (!dumps?.length) return html`<p class="hint">A rollout lets replicas answer from a dump. There is none of this index yet: take one first.</p>`;
  const show = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const asked = { generation: Number(form.get('generation')), max_unavailable: Number(form.get('at_once')), approve: form.get('approve') === 'on' };
    try {
      setPlan(await post(indexPath(index.name, 'rollouts'), { ...asked, plan: true }));
      setWanted(asked);
    } catch (error) {
      setPlan(null);
      failed(error);
    }
  };
  const start = () => run(async () => {
    const { task } = await post(indexPath(index.name, 'rollouts'), wanted);
    setPlan(null);
    return `Rollout ${short(task)} to generation ${wanted.generation} was asked for.`;
  });
  return html`
    <form class="line" onSubmit=${show} onInput=${() => setPlan(null)}>
      <label>Generation
        <select name="generation" key=${dumps[0].dump}>${dumps.filter((dump) => dump.generation !== undefined).map((dump) => html`<option key=${dump.dump} value=${dump.generation}>
          ${dump.generation}${dump.generation === placed?.generation ? ' (official)' : ''} · ${counted(dump.documents, 'document')}</option>`)}</select>
      </label>
      <label>Replicas of a shard at once
        <input name="at_once" type="number" min="1" max="64" defaultValue="1" required />
      </label>
      <label class="check"><input name="approve" type="checkbox" /> wait for approval before the switch</label>
      <button>Show the plan</button>
    </form>
    ${plan && html`<div class="plan" role="group" aria-label="Plan of the rollout">
      ${plan.steps.length > 0 ? html`<ol>${plan.steps.map((step, nth) => html`<li key=${nth}>${stepSaid(step)}</li>`)}</ol>` : html`<p>There is nothing to do: the replicas serve generation ${plan.generation} already.</p>`}
      ${plan.waits_for.length > 0 && html`<p class="hint">It waits for ${counted(plan.waits_for.length, 'task')} of this index: ${plan.waits_for.map(short).join(', ')}.</p>`}
      ${plan.steps.length > 0 && html`<button class="main" disabled=${busy} onClick=${start}>Start this rollout</button>`}
    </div>`}`;
}

function replicasSaid(replicas) {
  return replicas.map((replica, nth) => html`${nth > 0 && ', '}<code key=${replica.id}>${replica.address}</code> (shard ${replica.shard})`);
}

function stepSaid(step) {
  switch (step.step) {
    case 'prepare':
      return html`<strong>Prepare</strong> on ${replicasSaid(step.replicas)}`;
    case 'drain':
      return html`<strong>Drain</strong>: let go, then prepare, on ${replicasSaid(step.replicas)}`;
    case 'switch':
      return html`<strong>Switch</strong> shard ${step.shard}: routers ask for it there`;
    case 'compare':
      return html`<strong>Compare</strong> ${step.percent} % of the live searches, until ${counted(step.searches, 'search', 'searches')} were made in it too; fewer than ${step.floor_percent} % of common hits stop it`;
    case 'await_approval':
      return html`<strong>Wait</strong> until somebody approves`;
    case 'flip':
      return html`<strong>Switch</strong>: routers ask for it in place of ${step.from === undefined ? 'the primaries' : `generation ${step.from}`}`;
    case 'retire':
      return html`<strong>Retire</strong> generation ${step.generation}, some time later`;
    default:
      return step.step;
  }
}

function Board({ index, rollout, placed }) {
  const [asking, ask] = useState(false);
  const [busy, run] = useDeed();
  const generation = rollout.result?.generation;
  const over = OVER.includes(rollout.status);
  const { replicas_ready: ready = 0, replicas_total: total = 0 } = rollout.progress;
  // Paused with everything ready, and hindered by nothing: what is missing is somebody's word.
  const waits = rollout.status === 'paused' && ready === total && !rollout.error;
  const say = (word, outcome) => run(async () => {
    await post(indexPath(index.name, 'rollouts', rollout.id, word));
    return outcome;
  });
  const rollBack = () => {
    ask(false);
    say('rollback', `Rollout ${short(rollout.id)} is rolled back.`);
  };
  const canRollBack = !over || (rollout.status === 'succeeded' && placed?.generation === generation);
  return html`<div class="board" aria-label=${`Rollout of generation ${generation}`} role="group">
    <div class="headed">
      <p>Generation <strong class="number">${generation}</strong> <${State} word=${rollout.status} say=${waits ? 'waits for approval' : undefined} />
        <span class="hint"> · task <${Id} id=${rollout.id} /></span></p>
      <p class="deeds">
        ${rollout.status === 'running' && html`<button disabled=${busy} onClick=${() => say('pause', 'The rollout pauses.')}>Pause</button>`}
        ${rollout.status === 'paused' && html`<button class="main" disabled=${busy} onClick=${() => say('resume', waits ? 'The rollout is approved.' : 'The rollout goes on.')}>${waits ? 'Approve' : 'Resume'}</button>`}
        ${canRollBack && html`<button class="danger" disabled=${busy} onClick=${() => ask(true)}>Roll back …</button>`}
      </p>
    </div>
    ${rollout.error && html`<p class="bad">${rollout.error.message}</p>`}
    <ol class="phases" aria-label="Phases">
      <${Phase} name="prepare" now=${!over && ready < total} past=${ready >= total || rollout.status === 'succeeded'}>${ready} of ${counted(total, 'replica')} ready</${Phase}>
      <${Phase} name="switch" now=${!over && ready >= total} past=${rollout.status === 'succeeded'}>${rollout.status === 'succeeded' ? 'routers ask for it' : 'all routers at once'}</${Phase}>
    </ol>
    ${(!over || rollout.status === 'failed') && html`<div class="lanes">
      ${(placed?.shards ?? []).map((shard) => html`<div class="lane" key=${shard.shard} role="group" aria-label=${`Shard ${shard.shard}`}>
        <p class="hint">shard ${shard.shard}</p>
        ${shard.replicas.map((replica) => html`<${Runner} key=${replica.id} replica=${replica} said=${replica.generations[generation]} />`)}
      </div>`)}
    </div>`}
    ${asking && html`<${Dialog} title="Roll back?" verb="Roll back" danger onClose=${() => ask(false)} onAgree=${rollBack}>
      <p>${over ? 'Routers ask for what was official before, at once.' : 'What the replicas have prepared is given up; what is official stays so.'}</p>
      <p>Nothing is rolled out by itself after that, until somebody starts a rollout.</p>
    </${Dialog}>`}
  </div>`;
}

function Phase({ name, now, past, children }) {
  return html`<li class=${past ? 'past' : now ? 'now' : ''} aria-current=${now ? 'step' : null}><strong>${name}</strong> <span class="hint">${children}</span></li>`;
}

function Runner({ replica, said }) {
  const word = said ?? 'waits';
  return html`<div class="runner">
    <code>${replica.address}</code>
    <${Bar} of=${`${replica.address}`} done=${Math.round(progressOf(said) * 100)} total=${100} />
    <${State} word=${word} />
  </div>`;
}
