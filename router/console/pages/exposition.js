// What Prometheus is told, read for the page's own charts.

/**
 * @typedef {{name: string, labels: Record<string, string>, value: number}} Sample
 */

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** @param {string} text @returns {Sample[]} */
export function samples(text) {
  const found = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, labels, value] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    const known = [...(labels ?? '').matchAll(LABEL)].map(([, key, said]) => [key, unescaped(said)]);
    found.push({ name, labels: Object.fromEntries(known), value: Number(value.replace('Inf', 'Infinity')) });
  }
  return found;
}

/** @param {string} said */
function unescaped(said) {
  return said.replace(/\\(.)/g, (_, after) => (after === 'n' ? '\n' : after));
}

/**
 * The sum of a metric over all of its label sets that `which` takes.
 * @param {Sample[]} all @param {string} name @param {(labels: Record<string, string>) => boolean} [which]
 */
export function sum(all, name, which = () => true) {
  let found = 0;
  for (const sample of all) if (sample.name === name && which(sample.labels)) found += sample.value;
  return found;
}

/**
 * A histogram's buckets added up over label sets: by upper bound, how many values are at most that.
 * @param {Sample[]} all @param {string} name @param {(labels: Record<string, string>) => boolean} [which]
 * @returns {Map<number, number>}
 */
export function buckets(all, name, which = () => true) {
  const found = new Map();
  for (const { name: known, labels, value } of all) {
    if (known !== `${name}_bucket` || !which(labels)) continue;
    const bound = Number(labels.le.replace('Inf', 'Infinity'));
    found.set(bound, (found.get(bound) ?? 0) + value);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

/**
 * What `share` of the values between two looks at a histogram lie below; `null` where there were none. Within a bucket
 * they are taken to lie evenly, as Prometheus does; beyond the last bound, at it.
 * @param {Map<number, number>} before @param {Map<number, number>} now @param {number} share
 */
export function quantile(before, now, share) {
  const since = [...now].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]);
  const total = since.at(-1)?.[1] ?? 0;
  // A process that was started again counts from nothing.
  if (total <= 0 || since.some(([, count]) => count < 0)) return null;
  const wanted = share * total;
  let [floor, below] = [0, 0];
  for (const [bound, count] of since) {
    if (count >= wanted && count > below) {
      return bound === Infinity ? floor : floor + (bound - floor) * ((wanted - below) / (count - below));
    }
    [floor, below] = [bound, count];
  }
  return floor;
}
