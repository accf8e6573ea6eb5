// Where in the console one is: `#/search/faces`. A name of an index holds nothing that a fragment would mind.
import { cell } from './cell.js';

/** @typedef {{page: string, index: string | null}} Route */

/** @returns {Route} */
function read() {
  const [, page, index] = /^#\/([a-z]+)(?:\/([a-z0-9][a-z0-9_-]*))?/.exec(location.hash) ?? [];
  return { page: page ?? 'map', index: index ?? null };
}

export const route = cell(read());

addEventListener('hashchange', () => route.set(read()));

/** @param {string} page @param {string | null} index */
export function address(page, index) {
  return index === null ? `#/${page}` : `#/${page}/${index}`;
}
