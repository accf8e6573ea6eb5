// Who holds the shards of an index, and how each is: put together of what the API says of the index and of the cluster,
// and of what this router tells Prometheus.
import { sum } from './exposition.js';

/**
 * @typedef {object} Member
 * @property {string} key
 * @property {'primary' | 'replica' | 'process'} role
 * @property {number} shard
 * @property {number} place among the replicas of its shard, from 1; of a primary 0
 * @property {string | null} address
 * @property {string} state
 * @property {Record<number, string>} generations
 * @property {number | null} generation that it answers from
 * @property {number | null} seq up to which it has the shard's writes
 * @property {number | null} behind how many writes it lacks
 * @property {number | null} documents
 * @property {any} segments
 * @property {any} tail
 * @property {number | null} calls under way
 * @property {number | null} answered so far
 * @property {number | null} answerMs what an answer took lately, or else since this router began
 * @property {string | null} health
 * @property {string | null} why it does not serve
 */

/**
 * @param {any} index as `GET /v1/indexes` says it
 * @param {any} cluster as `GET /v1/cluster` says it, or `false`
 * @param {{samples: import('./exposition.js').Sample[]}[]} figures
 * @returns {{shard: number, members: Member[]}[]}
 */
export function membersOf(index, cluster, figures) {
  const seen = cluster ? cluster.indexes[index.name] : undefined;
  return index.shard_status.map((status) => {
    const placed = seen?.shards.find((shard) => shard.shard === status.shard);
    const first = cluster ? primary(status, placed) : alone(status);
    const replicas = (placed?.replicas ?? []).map((replica, place) => {
      return replicaOf(index.name, status, seen, replica, place + 1, figures);
    });
    return { shard: status.shard, members: [first, ...replicas] };
  });
}

function holds(status) {
  return {
    shard: status.shard, place: 0, generations: {}, generation: null, behind: null,
    seq: status.seq ?? null, documents: status.documents ?? null,
    segments: status.segments ?? null, tail: status.tail ?? null,
    calls: null, answered: null, answerMs: null, health: null, why: status.error?.message ?? null,
  };
}

/** @returns {Member} */
function alone(status) {
  const state = status.error ? 'unavailable' : status.pending > 0 ? 'building' : 'ready';
  return { ...holds(status), key: `${status.shard}/0`, role: 'process', address: null, state };
}

/** @returns {Member} */
function primary(status, placed) {
  const { address = null, state = 'gone' } = placed?.primary ?? {};
  const why = placed?.primary ? (status.error?.message ?? null) : 'no process writes this shard';
  return { ...holds(status), key: `${status.shard}/0`, role: 'primary', address, state, why };
}

/** @returns {Member} */
function replicaOf(name, status, seen, replica, place, figures) {
  const now = figures.at(-1)?.samples ?? [];
  const [here, there] = [replica.generations[seen.generation], replica.generations[seen.preparing]];
  const failure = [there, here].find((said) => said?.startsWith('failed'));
  const serves = seen.generation !== undefined && here === 'ready';
  const state = failure ? 'failed' : (there ?? 'ready') !== 'ready' ? there : serves ? 'ready' : there ? 'prepared' : (here ?? 'idle');
  const ofShard = (labels) => labels.index === name && labels.shard === String(status.shard);
  const official = sum(now, 'annuli_generation_seq', ofShard);
  const seq = serves && official > 0 ? official : null;
  const mine = (labels) => labels.replica === replica.address;
  const known = now.some((sample) => sample.name === 'annuli_replica_requests_total' && mine(sample.labels));
  const health = now.find((sample) => sample.name === 'annuli_replica_state' && mine(sample.labels) && sample.value === 1);
  return {
    ...holds(status), key: `${status.shard}/${place}`, role: 'replica', place, address: replica.address, state,
    generations: replica.generations, generation: serves ? seen.generation : null,
    seq, behind: seq !== null && status.seq !== undefined ? Math.max(0, status.seq - seq) : null,
    documents: null, segments: null, tail: null,
    calls: known ? sum(now, 'annuli_replica_requests_in_flight', mine) : null,
    answered: known ? sum(now, 'annuli_replica_answers_total', mine) : null,
    answerMs: answerMs(figures, mine), health: health?.labels.state ?? null, why: failure ?? null,
  };
}

/** Over what is kept of figures, else over all. */
function answerMs(figures, mine) {
  const of = (figure) => ({
    answers: sum(figure.samples, 'annuli_replica_answers_total', mine),
    seconds: sum(figure.samples, 'annuli_replica_answer_seconds_total', mine),
  });
  if (figures.length === 0) return null;
  const [first, last] = [of(figures[0]), of(figures[figures.length - 1])];
  const [answers, seconds] = [last.answers - first.answers, last.seconds - first.seconds];
  if (answers > 0) return (seconds / answers) * 1e3;
  return last.answers > 0 ? (last.seconds / last.answers) * 1e3 : null;
}

/** How far a replica says that it is with a generation, from 0 to 1. @param {string | undefined} said */
export function progressOf(said) {
  if (said === 'ready') return 1;
  const percent = /(\d+) %$/.exec(said ?? '');
  return percent ? Number(percent[1]) / 100 : 0;
}
