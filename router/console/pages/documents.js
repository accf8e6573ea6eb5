// Documents of an index, some of them, by chance.
import { get, indexPath, post } from './api.js';

/** Ids on a page of the list: a few hundred kilobytes. */
const PAGE = 1_000;
/** Pages that are looked through at most: the list goes on from the last id, so that it cannot be asked for its middle. */
export const PAGES_MAX = 20;

/**
 * `wanted` ids, each of those looked through as likely as any other; and how many were looked through.
 * @param {string} index @param {number} wanted @param {number} pages at most @param {AbortSignal} [signal]
 */
export async function drawIds(index, wanted, pages, signal) {
  /** @type {string[]} */
  const drawn = [];
  let [seen, cursor] = [0, ''];
  for (let page = 0; page < pages; page += 1) {
    const query = new URLSearchParams({ limit: String(PAGE), include: '', ...(cursor && { cursor }) });
    const { documents, next } = await get(`${indexPath(index, 'documents')}?${query}`, signal);
    for (const { id } of documents) {
      seen += 1;
      const place = drawn.length < wanted ? drawn.length : Math.floor(Math.random() * seen);
      if (place < wanted) drawn[place] = id;
    }
    if (!next) break;
    cursor = next;
  }
  return { ids: drawn, seen };
}

/** Each with its vector, in the shorter of its two forms. @param {string} index @param {string[]} ids @param {AbortSignal} [signal] */
export async function read(index, ids, signal) {
  const { documents } = await post(indexPath(index, 'documents'), { ids, include: ['vector'], vector_encoding: 'base64' }, signal);
  return documents;
}
