// What came of what was done by hand: one line, read aloud, until the next.
import { html, useCallback, useState } from './html.js';
import { cell, useCell } from './cell.js';
import { stir } from './world.js';

/** @typedef {{good: boolean, text: string}} Said */

const said = cell(/** @type {Said | null} */ (null));

/** @param {string} text */
export function done(text) {
  said.set({ good: true, text });
  stir();
}

/** @param {unknown} error */
export function failed(error) {
  said.set({ good: false, text: error instanceof Error ? error.message : String(error) });
}

export function silence() {
  said.set(null);
}

/** Does something that a button stands for: the button rests meanwhile, and what came of it is said. */
export function useDeed() {
  const [busy, setBusy] = useState(false);
  const run = useCallback(async (/** @type {() => Promise<string>} */ deed) => {
    setBusy(true);
    try {
      done(await deed());
    } catch (error) {
      failed(error);
    } finally {
      setBusy(false);
    }
  }, []);
  return /** @type {[boolean, typeof run]} */ ([busy, run]);
}

export function Outcome() {
  const now = useCell(said);
  return html`<div class="outcome" role="status" aria-live="polite">
    ${now && html`<p class=${now.good ? 'good' : 'bad'}>
      <span>${now.text}</span>
      <button class="quiet" onClick=${silence} aria-label="Dismiss what was said">✕</button>
    </p>`}
  </div>`;
}
