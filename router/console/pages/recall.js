// How much of the truth a search finds. The truth is an exact search of the same shards.

/** Two sums of the same numbers in another order may differ by that much. */
const SAME = 1e-5;

/**
 * The share of the `k` nearest that were found. An answer that is as near as the k-th of the truth counts: which of
 * several equally near ones is found is chance.
 * @param {{id: string, distance: number}[]} truth @param {{id: string, distance: number}[]} found @param {number} k
 */
export function recallOf(truth, found, k) {
  const nearest = truth.slice(0, k);
  if (nearest.length === 0) return 1;
  const known = new Set(nearest.map((hit) => hit.id));
  const farthest = nearest[nearest.length - 1].distance;
  const bound = farthest + SAME * Math.max(Math.abs(farthest), 1e-3);
  const counts = found.slice(0, k).filter((hit) => known.has(hit.id) || hit.distance <= bound);
  return Math.min(counts.length, nearest.length) / nearest.length;
}

/** What `share` of the values lie at or below. @param {number[]} values @param {number} share */
export function percentile(values, share) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

/** @param {number[]} values */
export function mean(values) {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/** From the place of a slider, 0 to 100, to an ef, and back: each step is as many per cent more. */
export function efAt(place, low, high) {
  return Math.round(low * (high / low) ** (place / 100));
}

/** @param {number} ef @param {number} low @param {number} high */
export function placeOf(ef, low, high) {
  return Math.round((Math.log(ef / low) / Math.log(high / low)) * 100);
}
