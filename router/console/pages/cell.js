// A value that tells when it changes: all the state that pages share is in cells.
import { useLayoutEffect, useState } from './html.js';

/**
 * @template T
 * @param {T} value
 */
export function cell(value) {
  /** @type {Set<() => void>} */
  const watchers = new Set();
  return {
    get value() { return value; },
    /** @param {T} next */
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const watcher of [...watchers]) watcher();
    },
    /** @param {() => void} watcher */
    watch(watcher) {
      watchers.add(watcher);
      return () => { watchers.delete(watcher); };
    },
  };
}

/**
 * Draws a component again whenever the cell changes.
 * @template T
 * @param {{value: T, watch: (watcher: () => void) => () => void}} watched
 * @returns {T}
 */
export function useCell(watched) {
  const [, redraw] = useState(0);
  useLayoutEffect(() => {
    const drawn = watched.value;
    const stop = watched.watch(() => redraw((times) => times + 1));
    // It may have changed between the drawing and this.
    if (!Object.is(drawn, watched.value)) redraw((times) => times + 1);
    return stop;
  }, [watched]);
  return watched.value;
}
