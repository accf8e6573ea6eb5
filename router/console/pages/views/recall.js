// Recall, measured here and now: documents of the index as queries, exact against approximate.
import { html, useEffect, useRef, useState } from '../html.js';
import { useCell } from '../cell.js';
import { indexPath, post } from '../api.js';
import { cluster } from '../world.js';
import { count, counted, time } from '../figures.js';
import { PAGES_MAX, drawIds, read } from '../documents.js';
import { efAt, mean, percentile, placeOf, recallOf } from '../recall.js';
import { Plot } from '../parts/plot.js';

/** Beyond this an exact search is mostly cheaper. */
const EF_MAX = 1_000;
/** Of the curve. */
const EFS = [10, 20, 40, 80, 160, 320, 640];
/** A slider that is moved goes over many places: only where it rests is measured. */
const RESTS_AFTER_MS = 200;

/**
 * @typedef {{id: string, vector: string, truth: any[]}} Probe
 * @typedef {{k: number, by: string, probes: Probe[], exactMs: number[], seen: number}} Sample
 * @typedef {{recall: number, half: number | null, most: number | null, least: number}} Measured
 */

export function RecallPage({ index }) {
  const [sample, setSample] = useState(/** @type {Sample | null} */ (null));
  const [curve, setCurve] = useState(/** @type {Map<number, Measured>} */ (new Map()));
  const [ef, setEf] = useState(80);
  const [doing, setDoing] = useState('');
  const [why, setWhy] = useState('');
  const underWay = useRef(/** @type {AbortController | null} */ (null));
  const rest = useRef(/** @type {any} */ (null));
  const seen = useCell(cluster);
  useEffect(() => () => { underWay.current?.abort(); clearTimeout(rest.current); }, []);

  /** One thing at a time: what is begun ends what was. */
  const run = async (/** @type {(signal: AbortSignal) => Promise<void>} */ work) => {
    underWay.current?.abort();
    const mine = (underWay.current = new AbortController());
    setWhy('');
    try {
      await work(mine.signal);
    } catch (error) {
      if (!mine.signal.aborted) setWhy(/** @type {Error} */ (error).message);
    } finally {
      if (underWay.current === mine) setDoing('');
    }
  };
  const take = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const [wanted, k, by] = [Number(form.get('documents')), Number(form.get('k')), String(form.get('by') ?? 'replica')];
    run(async (signal) => {
      setDoing('Drawing documents …');
      const { ids, seen: looked } = await drawIds(index.name, wanted, PAGES_MAX, signal);
      if (ids.length === 0) throw new Error('the index holds no documents yet');
      const documents = await read(index.name, ids, signal);
      /** @type {Sample} */
      const fresh = { k, by, probes: [], exactMs: [], seen: looked };
      for (const { id, vector } of documents) {
        setDoing(`Exact search ${fresh.probes.length + 1} of ${documents.length} …`);
        const { hits, took } = await nearest(index.name, { id, vector }, fresh, { exact: true }, signal);
        fresh.probes.push({ id, vector, truth: hits });
        fresh.exactMs.push(took);
      }
      setSample(fresh);
      setCurve(new Map());
      await measure(fresh, Math.max(ef, lowestEf(fresh)), signal);
    });
  };
  const measure = async (of, at, signal) => {
    const recalls = /** @type {number[]} */ ([]);
    const times = /** @type {number[]} */ ([]);
    for (const [nth, probe] of of.probes.entries()) {
      setDoing(`ef ${at}: search ${nth + 1} of ${of.probes.length} …`);
      const { hits, took } = await nearest(index.name, probe, of, { ef: at }, signal);
      recalls.push(recallOf(probe.truth, hits, of.k));
      times.push(took);
    }
    const measured = { recall: mean(recalls), least: Math.min(...recalls), half: percentile(times, 0.5), most: percentile(times, 0.95) };
    setCurve((before) => new Map([...before, [at, measured]].sort(([a], [b]) => a - b)));
  };
  const slide = (at) => {
    setEf(at);
    clearTimeout(rest.current);
    if (sample && !curve.has(at)) rest.current = setTimeout(() => run((signal) => measure(sample, at, signal)), RESTS_AFTER_MS);
  };
  const low = lowestEf(sample);
  const sweep = () => run(async (signal) => {
    for (const at of [low, ...EFS.filter((one) => one > low)]) await measure(sample, at, signal);
  });
  const shown = Math.max(ef, low);
  const now = curve.get(shown);
  const inGraph = index.shard_status.reduce((total, shard) => total + (shard.segments?.documents ?? 0) + (shard.tail?.in_head ?? 0), 0);
  const points = (of) => [...curve].map(([at, measured]) => /** @type {[number, number]} */ ([at, of(measured)]));
  const axis = { x: (at) => `ef ${Math.round(at)}`, log: true, dots: true, from: low, to: EF_MAX, mark: curve.has(shown) ? shown : null };
  return html`
    <form class="card line" onSubmit=${take} aria-label="Sample">
      <label>Documents as queries <input name="documents" type="number" min="1" max="500" defaultValue="50" required /></label>
      <label>k <input name="k" type="number" min="1" max="100" defaultValue="10" required /></label>
      ${seen && html`<label>Answered by <select name="by"><option value="replica">replicas</option><option value="primary">primaries</option></select></label>`}
      <button class="main">${sample ? 'Take another sample' : 'Take a sample'}</button>
      <p class="doing" role="status" aria-live="polite">${why ? html`<span class="bad">${why}</span>` : doing
        || `Each document is searched for exactly once, among ${count(index.documents)}; then approximately for each ef, one search after the other.`}</p>
    </form>
    ${inGraph === 0 && index.documents > 0 && html`<p class="notice">No graph holds documents of this index yet: each search compares all of them, and so finds all.</p>`}
    ${sample && html`
      <section class="card dial" aria-label="ef">
        <label for="ef">ef <output for="ef" class="number">${shown}</output></label>
        <input id="ef" type="range" min="0" max="100" value=${placeOf(shown, low, EF_MAX)} aria-valuetext=${`ef ${shown}`}
          onInput=${(event) => slide(efAt(Number(event.target.value), low, EF_MAX))} />
        <button onClick=${sweep}>Draw the curve</button>
        <dl class="figures" aria-live="polite">
          <div><dt>recall@${sample.k}</dt><dd>${now ? now.recall.toFixed(3) : '…'}</dd><dd class="hint">${now && `least ${now.least.toFixed(2)}`}</dd></div>
          <div><dt>Median</dt><dd>${now ? time(now.half) : '…'}</dd><dd class="hint">${now && `p95 ${time(now.most)}`}</dd></div>
          <div><dt>Median of exact searches</dt><dd>${time(percentile(sample.exactMs, 0.5))}</dd><dd class="hint">${now && times(percentile(sample.exactMs, 0.5), now.half)}</dd></div>
        </dl>
        <p class="hint">Of ${counted(sample.probes.length, 'document')}, drawn from ${sample.seen < index.documents ? `the first ${count(sample.seen)}` : 'all'}; a document is no answer to itself. Times are the server's own.</p>
      </section>
      <div class="plots">
        <${Plot} title=${`recall@${sample.k}`} series=${[{ name: 'mean', points: points((one) => one.recall) }]} y=${(value) => value.toFixed(3)}
          low=${lowest(curve)} high=${1} ...${axis} />
        <${Plot} title="A search takes" series=${[{ name: 'median', points: points((one) => one.half) }, { name: 'p95', points: points((one) => one.most) }]} y=${time} ...${axis} />
      </div>`}`;
}

/** A search is as wide as it has hits, and the document itself is one of them. */
function lowestEf(sample) {
  return (sample?.k ?? 10) + 1;
}

/** The nearest of a document, without itself. */
async function nearest(index, { id, vector }, { k, by }, how, signal) {
  const body = { vector, limit: k + 1, include: [], ...how, ...(by === 'primary' ? { consistency: 'primary' } : {}) };
  const reply = await post(indexPath(index, 'search'), body, signal);
  return { hits: reply.results[0].hits.filter((hit) => hit.id !== id).slice(0, k), took: reply.took_ms };
}

function lowest(curve) {
  const least = Math.min(1, ...[...curve.values()].map((one) => one.recall));
  return least >= 0.95 ? 0.95 : least >= 0.8 ? 0.8 : Math.floor(least * 5) / 5;
}

function times(exact, half) {
  return exact && half ? `${(exact / half).toFixed(1)} × as long` : '';
}
