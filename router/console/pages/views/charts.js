// How much is asked and how long it takes, by what this process tells Prometheus. Kept in the page, for ten minutes.
import { html } from '../html.js';
import { useCell } from '../cell.js';
import { cluster, figures, figuresRefused } from '../world.js';
import { buckets, quantile, sum } from '../exposition.js';
import { count, figure, time } from '../figures.js';
import { Plot } from '../parts/plot.js';

const SEARCH = '/v1/indexes/{name}/search';
const WRITES = ['/v1/indexes/{name}/index', '/v1/indexes/{name}/update', '/v1/indexes/{name}/delete'];
const READS = ['/v1/indexes/{name}/documents', '/v1/indexes/{name}/documents/{id}', '/v1/indexes/{name}/count'];
/** Shorter looks than this make quantiles of too few requests. */
const WINDOW_MS = 10_000;

const isSearch = (labels) => labels.endpoint === SEARCH && labels.method === 'POST';
const isWrite = (labels) => WRITES.includes(labels.endpoint) && labels.method === 'POST';
const isRead = (labels) => READS.includes(labels.endpoint);

export function ChartsPage() {
  const told = useCell(figures);
  const refused = useCell(figuresRefused);
  const seen = useCell(cluster);
  if (told.length === 0) return html`<p class="notice ${refused ? 'bad' : ''}" role="status">${refused ?? 'Asking for figures …'}</p>`;
  const now = told[told.length - 1].at;
  const rate = (name, which) => told.map((one, nth) => /** @type {[number, number | null]} */ ([one.at, rateAt(told, nth, (samples) => sum(samples, name, which))]));
  const level = (name, which) => told.map((one) => /** @type {[number, number]} */ ([one.at, sum(one.samples, name, which)]));
  const share = (which, part) => told.map((one, nth) => {
    const before = earlier(told, nth);
    const value = before === null ? null : quantile(buckets(before.samples, 'annuli_request_seconds', which), buckets(one.samples, 'annuli_request_seconds', which), part);
    return /** @type {[number, number | null]} */ ([one.at, value === null ? null : value * 1e3]);
  });
  const shares = (which) => [['median', 0.5], ['p90', 0.9], ['p99', 0.99]].map(([name, part]) => ({ name: String(name), points: share(which, part) }));
  const ago = (at) => { const seconds = Math.round((now - at) / 1000); return seconds < 1 ? 'now' : seconds < 100 ? `−${seconds} s` : `−${figure(seconds / 60)} min`; };
  const common = { x: ago, from: Math.min(told[0].at, now - 60_000), to: now };
  const requests = 'annuli_requests_total';
  const bad = (labels) => labels.code >= '500' || labels.code === '429';
  return html`
    <p class="hint">Of this process, since the page was opened and at most for ten minutes. Each point is of the ten seconds before it.
      ${seen && ' Other routers of the cluster have figures of their own.'}</p>
    <div class="plots">
      <${Plot} title="Requests each second" y=${figure} ...${common} series=${[
        { name: 'searches', points: rate(requests, isSearch) }, { name: 'writes', points: rate(requests, isWrite) },
        { name: 'reads', points: rate(requests, isRead) }, { name: 'failed', points: rate(requests, bad) }]} />
      <${Plot} title="A search takes" y=${time} ...${common} series=${shares(isSearch)} />
      <${Plot} title="A write takes" y=${time} ...${common} series=${shares(isWrite)} />
      <${Plot} title="Under way" y=${figure} ...${common} series=${[
        { name: 'requests', points: level('annuli_requests_in_flight') }, { name: 'waiting searches', points: level('annuli_search_queue_jobs') },
        ...(seen ? [{ name: 'replica calls', points: level('annuli_replica_requests_in_flight') }] : [])]} />
      ${seen ? html`<${Plot} title="Hedges each second" y=${figure} ...${common} series=${[
          { name: 'sent', points: rate('annuli_replica_hedges_total') }, { name: 'won', points: rate('annuli_replica_hedges_won_total') }]} />
        <${Plot} title="Reads by primaries each second" y=${figure} ...${common} series=${[
          { name: 'asked for fresher', points: rate('annuli_primary_reads_total', (labels) => labels.why === 'fresher') },
          { name: 'no replica able', points: rate('annuli_primary_reads_total', (labels) => labels.why === 'no_replica') }]} />`
        : html`<${Plot} title="Writes wait for the disk, each second" y=${figure} ...${common} series=${[
          { name: 'commits', points: rate('annuli_commit_seconds_count') }, { name: 'writes in them', points: rate('annuli_group_writes_sum') }]} />
        <${Plot} title="Documents that wait for a graph" y=${count} ...${common} series=${[{ name: 'pending', points: level('annuli_pending_documents') }]} />`}
    </div>`;
}

/** The last look that is at least a window before the one at `nth`; the first of all, if there is none. */
function earlier(told, nth) {
  if (nth === 0) return null;
  let at = nth - 1;
  while (at > 0 && told[nth].at - told[at].at < WINDOW_MS) at -= 1;
  return told[at];
}

function rateAt(told, nth, of) {
  const before = earlier(told, nth);
  if (before === null) return null;
  const grown = of(told[nth].samples) - of(before.samples);
  // A process that was started again counts from nothing.
  return grown < 0 ? null : grown / ((told[nth].at - before.at) / 1e3);
}
