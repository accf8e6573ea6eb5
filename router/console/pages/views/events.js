// What happens in a cluster, as it happens.
import { html, useState } from '../html.js';
import { useCell } from '../cell.js';
import { events, listening } from '../world.js';
import { clock, count, short } from '../figures.js';
import { State } from '../parts/state.js';

/** Rows that are drawn at once. */
const SHOWN_AT_ONCE = 200;

export function EventsPage() {
  const all = useCell(events);
  const state = useCell(listening);
  const [kind, setKind] = useState('');
  const [index, setIndex] = useState('');
  const [held, hold] = useState(/** @type {typeof all | null} */ (null));
  const [more, setMore] = useState(SHOWN_AT_ONCE);
  if (state === 'off') {
    return html`<div class="empty"><h2>No events here</h2>
      <p>Events tell of processes that come and go, and of dumps and rollouts: this server is one process alone, and tells of none.
        What it does in the background is among the tasks of <a href="#/operate">Operate</a>.</p></div>`;
  }
  const told = held ?? all;
  const kinds = [...new Set(told.map((event) => event.name))].sort();
  const names = [...new Set(told.map((event) => event.data.index).filter(Boolean))].sort();
  const shown = told.filter((event) => (!kind || event.name === kind) && (!index || event.data.index === index)).reverse();
  return html`
    <div class="line">
      <label>Kind <select value=${kind} onChange=${(event) => setKind(event.target.value)}>
        <option value="">every kind</option>${kinds.map((name) => html`<option key=${name} value=${name}>${name.replaceAll('_', ' ')}</option>`)}</select></label>
      <label>Index <select value=${index} onChange=${(event) => setIndex(event.target.value)}>
        <option value="">every index</option>${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>
      <button aria-pressed=${held ? 'true' : 'false'} onClick=${() => hold(held ? null : all)}>${held ? `Go on (${count(all.length - held.length)} new)` : 'Hold still'}</button>
      <${State} word=${state} say=${state === 'listens' ? 'listening' : 'connecting'} />
    </div>
    <div role="log" aria-live=${held ? 'off' : 'polite'} aria-label="Events, the newest first"><ol class="events">
      ${shown.slice(0, more).map((event) => html`<li key=${event.id + event.name}>
        <span class="number hint" title="Event id">${event.id}</span>
        <span class="hint number">${event.heard ? clock(event.heard) : 'earlier'}</span>
        <span class="tag ${tone(event.name)}">${event.name.replaceAll('_', ' ')}</span>
        <span>${said(event.data)}</span>
      </li>`)}
    </ol></div>
    ${shown.length === 0 && html`<p class="hint">Nothing has happened that this router remembers.</p>`}
    ${shown.length > more && html`<button onClick=${() => setMore(more + SHOWN_AT_ONCE)}>Show older ones</button>`}`;
}

function tone(name) {
  if (/failed|left/.test(name)) return 'bad';
  if (/ready|taken|official|elected|joined|created/.test(name)) return 'good';
  if (/gap|paused|rolled_back|cancelled|deleted|removed/.test(name)) return 'wait';
  return 'busy';
}

function said(data) {
  const parts = [];
  if (data.event === 'gap') return 'What happened before is not remembered by this router.';
  if (data.index) parts.push(html`<strong>${data.index}</strong>`);
  if (data.alias) parts.push(`alias ${data.alias}`);
  if (data.event === 'generation_official') {
    parts.push(`${data.generation === undefined ? 'the primaries' : `generation ${data.generation}`} in place of ${data.from === undefined ? 'the primaries' : `generation ${data.from}`}`);
  } else if (data.generation !== undefined) parts.push(`generation ${data.generation}`);
  if (data.role) parts.push(data.role);
  if (data.shard !== undefined) parts.push(`shard ${data.shard}`);
  if (data.address) parts.push(html`<code>${data.address}</code>`);
  if (data.coordinator) parts.push(`${data.coordinator}, epoch ${data.epoch}`);
  if (data.dump) parts.push(`dump ${short(data.dump)}`);
  if (data.rollout) parts.push(`rollout ${short(data.rollout)}`);
  if (data.replica && !data.address) parts.push(`replica ${short(data.replica)}`);
  if (data.reason) parts.push(html`<span class="bad">${data.reason}</span>`);
  return parts.map((part, nth) => html`${nth > 0 && ' · '}${part}`);
}
