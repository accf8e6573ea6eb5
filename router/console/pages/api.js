// The one way to the server. A key, where one is needed, travels in a header and is kept with the tab alone.
import { cell } from './cell.js';

/** Relative to the page, so that a proxy may put the whole server below a path of its own. */
const ROOT = new URL('..', document.baseURI);
const KEY_PLACE = 'annuli.key';

/** Longer than any deadline that the server has by default: who waits longer waits for nobody. */
const PATIENCE_MS = 30_000;

/** Whether a key is asked for, and why: `null`, or what the server said. */
export const keyWanted = cell(/** @type {string | null} */ (null));

/** Whether the server answers: `unknown`, `here`, `gone`. */
export const link = cell(/** @type {'unknown' | 'here' | 'gone'} */ ('unknown'));

/** What the server refuses, in its own words. */
export class Refusal extends Error {
  /** @param {number} status @param {{code?: string, message?: string, details?: any}} error */
  constructor(status, error) {
    super(error.message ?? `the server answered ${status}`);
    this.status = status;
    this.code = error.code ?? 'unknown';
    this.details = error.details ?? {};
  }
}

/** Nobody answers. */
export class Silence extends Error {
  constructor() {
    super('the server does not answer');
  }
}

let key = '';
try { key = sessionStorage.getItem(KEY_PLACE) ?? ''; } catch { /* It is asked for again. */ }

/** @param {string} given */
export function useKey(given) {
  key = given;
  try { sessionStorage.setItem(KEY_PLACE, given); } catch { /* It holds until the page is left. */ }
  keyWanted.set(null);
}

/** @param {string} path @param {RequestInit} [init] */
export async function send(path, init = {}) {
  const headers = new Headers(init.headers);
  const sent = key;
  if (sent) headers.set('authorization', `Bearer ${sent}`);
  let response;
  try {
    response = await fetch(new URL(path.replace(/^\//, ''), ROOT), { cache: 'no-store', ...init, headers });
  } catch (error) {
    // Who gave up is not who was left alone.
    if (init.signal?.aborted && init.signal.reason?.name !== 'TimeoutError') throw error;
    link.set('gone');
    throw new Silence();
  }
  link.set('here');
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const refusal = new Refusal(response.status, body.error ?? {});
  // Another request may have brought the key meanwhile.
  if (response.status === 401 && sent === key) keyWanted.set(sent ? `That key was refused: ${refusal.message}` : refusal.message);
  throw refusal;
}

/** @param {string} path @param {AbortSignal} [signal] */
export async function get(path, signal) {
  const response = await send(path, { signal: within(signal) });
  return response.json();
}

/** @param {string} path @param {unknown} [body] @param {AbortSignal} [signal] */
export function post(path, body = {}, signal) {
  return write('POST', path, body, signal);
}

/** @param {string} path */
export function remove(path) {
  return write('DELETE', path);
}

/** @param {string} path */
export async function text(path) {
  const response = await send(path, { signal: within() });
  return response.text();
}

/** @param {...string} parts */
export function indexPath(...parts) {
  return ['/v1/indexes', ...parts.map(encodeURIComponent)].join('/');
}

/** @param {string} method @param {string} path @param {unknown} [body] @param {AbortSignal} [signal] */
async function write(method, path, body, signal) {
  const said = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await send(path, { method, ...said, signal: within(signal) });
  return response.status === 204 ? null : response.json();
}

/** @param {AbortSignal} [signal] */
function within(signal) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  return signal ? AbortSignal.any([signal, patience]) : patience;
}
