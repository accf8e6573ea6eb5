// How something is: a mark whose shape says it to who sees no colours, and the word.
import { html } from '../html.js';

/** By word, which look it has. */
const LOOKS = {
  ready: 'good', succeeded: 'good', sound: 'good', listens: 'good', here: 'good',
  prepared: 'wait', building: 'busy', running: 'busy', queued: 'rest', paused: 'wait', on_trial: 'wait', waits: 'rest', creating: 'busy',
  unavailable: 'bad', failed: 'bad', ejected: 'bad', gone: 'bad',
  rolled_back: 'rest', cancelled: 'rest', idle: 'rest', off: 'rest',
};
const MARKS = { good: '●', busy: '◐', wait: '◇', rest: '○', bad: '✕' };

/** @param {string} word */
export function look(word) {
  if (word.startsWith('failed')) return 'bad';
  return LOOKS[word] ?? 'busy';
}

/** @param {{word: string, say?: string}} props */
export function State({ word, say = word.replaceAll('_', ' ') }) {
  const kind = look(word);
  return html`<span class="state ${kind}"><span class="mark" aria-hidden="true">${MARKS[kind]}</span>${say}</span>`;
}

/** How far something is. @param {{of: string, done: number, total: number}} props */
export function Bar({ of, done, total }) {
  return html`<progress aria-label=${of} value=${done} max=${Math.max(total, 1)}>${done} of ${total}</progress>`;
}
