// What the server is seen to be: looked at now and then, at once when it tells of something, and not at all while nobody
// looks at the page.
import { cell } from './cell.js';
import { Refusal, Silence, get, keyWanted, link, send, text } from './api.js';
import { samples } from './exposition.js';
import { reader } from './told.js';

/** Between two looks at indexes, the cluster and tasks while nothing is told. */
const LOOK_EVERY_MS = 5_000;
/** While something is under way that tells of each step, but not of how far each is. */
const LOOK_CLOSELY_EVERY_MS = 800;
/** What happens at once is looked at once. */
const SETTLED_AFTER_MS = 120;
/** Between two looks at figures: a point of a chart. */
export const FIGURES_EVERY_MS = 2_000;
/** Points of a chart: ten minutes. */
const FIGURES_KEPT = 300;
/** Events that the page remembers. */
const EVENTS_KEPT = 2_000;
/** Longest wait before the stream of events is asked for again. */
const LISTEN_AGAIN_MS_MAX = 10_000;

/** @type {ReturnType<typeof cell<any[] | null>>} every index by name; `null` before the first look */
export const indexes = cell(/** @type {any} */ (null));
/** Why an index cannot be served as a whole. */
export const unavailable = cell(/** @type {any[]} */ ([]));
/** `null` before the first look; `false`: one process alone. */
export const cluster = cell(/** @type {any} */ (null));
export const tasks = cell(/** @type {any[]} */ ([]));
/** The newest last, each with when it was heard here. */
export const events = cell(/** @type {{id: string, name: string, data: any, heard: Date | null}[]} */ ([]));
/** Whether events are listened to: `off` where there are none to be had. */
export const listening = cell(/** @type {'off' | 'waits' | 'listens'} */ ('waits'));
/** The newest last. */
export const figures = cell(/** @type {{at: number, samples: import('./exposition.js').Sample[]}[]} */ ([]));
/** Why figures are not to be had. */
export const figuresRefused = cell(/** @type {string | null} */ (null));
/** Why the server, which is there, does not say how things are. */
export const refused = cell(/** @type {string | null} */ (null));
/** Counts what was done by hand or told, so that lists that only some pages have are looked at again. */
export const stirred = cell(0);

export const OVER = ['succeeded', 'failed', 'rolled_back', 'cancelled'];

/** Whether anything is under way that is worth a close look. */
function isBusy() {
  const rolling = Object.values(cluster.value ? cluster.value.indexes : {}).some((index) => index.preparing !== undefined);
  return rolling || tasks.value.some((task) => task.status === 'running' || task.status === 'queued');
}

let looking = false;
let lookAgain = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let nextLook;

/** Looks at everything, now. */
export async function look() {
  if (looking) {
    lookAgain = true;
    return;
  }
  looking = true;
  clearTimeout(nextLook);
  try {
    const [list, seen, known] = await Promise.all([get('/v1/indexes'), seeCluster(), get('/v1/tasks').catch(nothingForbidden)]);
    indexes.set(list.indexes);
    unavailable.set(list.unavailable ?? []);
    cluster.set(seen);
    tasks.set(known.tasks);
    refused.set(null);
  } catch (error) {
    // It is told by a banner or a dialog; what was seen last stays.
    if (error instanceof Refusal) refused.set(error.status === 401 ? null : error.message);
    else if (!(error instanceof Silence)) throw error;
  } finally {
    looking = false;
    if (!document.hidden) nextLook = setTimeout(look, lookAgain ? 0 : isBusy() ? LOOK_CLOSELY_EVERY_MS : LOOK_EVERY_MS);
    lookAgain = false;
  }
}

/** Who may look at indexes, but not at tasks, sees the indexes. @param {unknown} error */
function nothingForbidden(error) {
  if (error instanceof Refusal && error.status === 403) return { tasks: [] };
  throw error;
}

async function seeCluster() {
  // A process does not become a cluster: one that is known to be alone is not asked again, until another may be there.
  if (cluster.value === false) return false;
  try {
    return await get('/v1/cluster');
  } catch (error) {
    if (error instanceof Refusal && error.code === 'invalid_request') return false;
    throw error;
  }
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;

/** Something has changed. */
export function stir() {
  clearTimeout(settling);
  settling = setTimeout(() => {
    stirred.set(stirred.value + 1);
    look();
  }, SETTLED_AFTER_MS);
}

let lastId = '0';
/** @type {AbortController | undefined} */
let stream;
let waitMs = 1_000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let listenAgain;

async function listen() {
  clearTimeout(listenAgain);
  stream?.abort();
  const mine = (stream = new AbortController());
  // What was remembered before this page was opened was not heard by it.
  const opened = lastId === '0' ? performance.now() : -Infinity;
  try {
    const response = await send('/v1/events', { headers: { 'last-event-id': lastId }, signal: mine.signal });
    listening.set('listens');
    waitMs = 1_000;
    /** @type {typeof events.value} */
    let heard = [];
    const feed = reader(({ id, name, data }) => {
      lastId = id;
      const isNews = performance.now() - opened > 1_000;
      if (name) heard.push({ id, name, data: JSON.parse(data), heard: isNews ? new Date() : null });
    });
    const pieces = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await pieces.read();
      if (done) break;
      feed(decoder.decode(value, { stream: true }));
      if (heard.length === 0) continue;
      events.set([...events.value, ...heard].slice(-EVENTS_KEPT));
      heard = [];
      stir();
    }
  } catch (error) {
    if (mine.signal.aborted) return;
    if (error instanceof Refusal && error.code === 'invalid_request') {
      listening.set('off');
      return;
    }
  }
  if (mine.signal.aborted) return;
  listening.set('waits');
  listenAgain = setTimeout(listen, waitMs);
  waitMs = Math.min(waitMs * 2, LISTEN_AGAIN_MS_MAX);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let nextFigures;

async function lookAtFigures() {
  clearTimeout(nextFigures);
  try {
    const told = samples(await text('/metrics'));
    figures.set([...figures.value, { at: Date.now(), samples: told }].slice(-FIGURES_KEPT));
    figuresRefused.set(null);
  } catch (error) {
    if (error instanceof Refusal) figuresRefused.set(error.message);
    else if (!(error instanceof Silence)) throw error;
  }
  if (!document.hidden) nextFigures = setTimeout(lookAtFigures, FIGURES_EVERY_MS);
}

function wake() {
  if (document.hidden) {
    stream?.abort();
    clearTimeout(listenAgain);
    clearTimeout(nextLook);
    clearTimeout(nextFigures);
    if (listening.value === 'listens') listening.set('waits');
    return;
  }
  look();
  lookAtFigures();
  if (listening.value !== 'off') listen();
}

/** Begins to look; called once. */
export function begin() {
  document.addEventListener('visibilitychange', wake);
  keyWanted.watch(() => keyWanted.value === null && wake());
  let before = link.value;
  link.watch(() => {
    const isBack = before === 'gone' && link.value === 'here';
    before = link.value;
    // When it is back it may be another process: a cluster where there was none.
    if (link.value === 'gone' && cluster.value === false) cluster.set(null);
    if (isBack && !document.hidden) {
      if (listening.value === 'off') listening.set('waits');
      listen();
    }
  });
  wake();
}
