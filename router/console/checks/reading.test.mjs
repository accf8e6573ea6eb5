// What the pages make of what they are told, without a browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buckets, quantile, samples, sum } from '../pages/exposition.js';
import { bytes, figure, measure, time } from '../pages/figures.js';
import { membersOf, progressOf } from '../pages/members.js';
import { filterOf, vectorOf } from '../pages/query.js';
import { efAt, percentile, placeOf, recallOf } from '../pages/recall.js';
import { reader } from '../pages/told.js';
import { alone } from '../pages/parts/plot.js';

const TOLD = `# HELP x Something.
# TYPE x histogram
x_bucket{a="1",le="0.1"} 4
x_bucket{a="1",le="+Inf"} 10
x_bucket{a="2",le="0.1"} 6
x_bucket{a="2",le="+Inf"} 10
x_count{a="1"} 10
y{why="say \\"no\\", \\\\ and more",of="}"} 2.5e-3
z 7
`;

test('figures for Prometheus are read with their labels', () => {
  const all = samples(TOLD);
  assert.equal(all.length, 7);
  assert.deepEqual(all[5], { name: 'y', labels: { why: 'say "no", \\ and more', of: '}' }, value: 0.0025 });
  assert.equal(sum(all, 'z'), 7);
  assert.equal(sum(all, 'x_count', (labels) => labels.a === '2'), 0);
  assert.deepEqual([...buckets(all, 'x')], [[0.1, 10], [Infinity, 20]]);
});

test('a quantile is of what came between two looks', () => {
  const [before, now] = [new Map([[1, 5], [2, 5], [Infinity, 5]]), new Map([[1, 5], [2, 15], [Infinity, 15]])];
  assert.equal(quantile(before, now, 0.5), 1.5);
  assert.equal(quantile(new Map(), new Map([[1, 10], [Infinity, 20]]), 0.99), 1);
  assert.equal(quantile(now, now, 0.5), null);
  // A process that was started again counts from nothing.
  assert.equal(quantile(now, before, 0.5), null);
});

test('events are put together from pieces, and comments move the id', () => {
  const told = [];
  const feed = reader((event) => told.push(event));
  for (const piece of ['id: 7-1\nevent: dump_t', 'aken\ndata: {"a"', ':1}\n', '\nid: 9\n: alive\n\n', 'data: b\ndata: c\n\n']) feed(piece);
  assert.deepEqual(told, [
    { id: '7-1', name: 'dump_taken', data: '{"a":1}' },
    { id: '9', name: '', data: '' },
    { id: '9', name: 'message', data: 'b\nc' },
  ]);
});

test('a vector is read however its numbers are set apart', () => {
  for (const typed of ['[1, -2.5, 3e-1]', '1 -2.5 0.3', '1;\n-2.5,\t0.3']) assert.deepEqual(vectorOf(typed, 3), { vector: [1, -2.5, 0.3] });
  const base64 = Buffer.from(new Float32Array([1, -2.5, 0.3]).buffer).toString('base64');
  assert.deepEqual(vectorOf(base64, 3), { vector: base64 });
});

test('what is no vector is told with what mends it', () => {
  assert.equal(vectorOf('1 2', 3).why, '2 of 3 numbers');
  assert.equal(vectorOf('1 x 3', 3).why, 'number 2, “x”, is none');
  assert.equal(vectorOf('AAAAAAAAgD8=', 3).why, 'as base64 of f32 this is 2 numbers, the index has 3');
  assert.equal(vectorOf('what?', 3).why, 'this is neither numbers nor base64');
});

test('a filter is an object or nothing', () => {
  assert.deepEqual(filterOf('  '), {});
  assert.deepEqual(filterOf('{"a": 1}'), { filter: { a: 1 } });
  assert.match(filterOf('[1]').why, /is an object/);
  assert.match(filterOf('{"a"').why, /no JSON yet/);
});

const hits = (...distances) => distances.map((distance, nth) => ({ id: `${distance}-${nth}`, distance }));

test('recall is the share of the truth that was found', () => {
  const truth = hits(0.1, 0.2, 0.3, 0.4);
  assert.equal(recallOf(truth, truth, 4), 1);
  assert.equal(recallOf(truth, [truth[0], truth[2]], 4), 0.5);
  assert.equal(recallOf(truth, [truth[0], { id: 'x', distance: 0.9 }], 2), 0.5);
  assert.equal(recallOf([], [], 10), 1);
});

test('an answer as near as the last of the truth counts', () => {
  assert.equal(recallOf(hits(0.1, 0.2), [{ id: '0.1-0', distance: 0.1 }, { id: 'other', distance: 0.2 }], 2), 1);
});

test('percentiles are values that were measured', () => {
  assert.equal(percentile([3, 1, 2], 0.5), 2);
  assert.equal(percentile([3, 1, 2], 0.95), 3);
  assert.equal(percentile([], 0.5), null);
});

test('the slider reaches both of its ends and comes back', () => {
  assert.deepEqual([efAt(0, 10, 1000), efAt(50, 10, 1000), efAt(100, 10, 1000)], [10, 100, 1000]);
  for (const place of [0, 13, 50, 87, 100]) assert.equal(placeOf(efAt(place, 10, 1000), 10, 1000), place);
});

test('a value between gaps, which no line shows, is a point by itself', () => {
  assert.deepEqual(alone([[1, null], [2, 5], [3, null], [4, 6], [5, 7]]), [[2, 5]]);
  assert.deepEqual(alone([[1, 5]]), [[1, 5]]);
  assert.deepEqual(alone([[1, 5], [2, 0]]), []);
});

test('numbers keep the digits that matter', () => {
  assert.deepEqual([960, 0.3, 12.345, 1234.5, 0].map(figure), ['960', '0.3', '12.3', '1,235', '0']);
  assert.deepEqual([0.3, 0.33456, 250.04].map(measure), ['0.3000', '0.3346', '250.0']);
  assert.deepEqual([0.96, 1.5, 2500, null].map(time), ['960 µs', '1.5 ms', '2.5 s', '–']);
  assert.deepEqual([0, 1023, 1536, 5 * 1024 ** 3].map(bytes), ['0 B', '1,023 B', '1.5 KiB', '5 GiB']);
});

const INDEX = { name: 'faces', shard_status: [{ shard: 0, seq: 50, documents: 40, pending: 0, segments: { count: 2 }, tail: { documents: 0 } }] };
const REPLICA = { id: 'r', address: 'b:1' };

function members(generations, index = {}, figures = []) {
  const cluster = { indexes: { faces: { ...index, shards: [{ shard: 0, primary: { address: 'a:1', state: 'ready' }, replicas: [{ ...REPLICA, generations }] }] } } };
  return membersOf(INDEX, cluster, figures)[0].members;
}

test('a lone process holds every shard', () => {
  const [{ members: [alone, ...others] }] = membersOf(INDEX, false, []);
  assert.deepEqual([alone.role, alone.state, alone.documents, others.length], ['process', 'ready', 40, 0]);
});

test('a replica is what it says of the generation that matters', () => {
  const state = (generations, index) => members(generations, index)[1].state;
  assert.equal(state({}, {}), 'idle');
  assert.equal(state({ 1: 'ready' }, { generation: 1 }), 'ready');
  assert.equal(state({ 1: 'fetching 40 %' }, { preparing: 1 }), 'fetching 40 %');
  assert.equal(state({ 1: 'ready' }, { preparing: 1 }), 'prepared');
  assert.equal(state({ 1: 'ready', 2: 'verifying' }, { generation: 1, preparing: 2 }), 'verifying');
  assert.equal(state({ 1: 'ready', 2: 'failed: rotten' }, { generation: 1, preparing: 2 }), 'failed');
  assert.equal(progressOf('fetching 40 %'), 0.4);
});

test('a replica lacks the writes after its generation', () => {
  const told = samples('annuli_generation_seq{index="faces",shard="0"} 30\nannuli_replica_requests_total{replica="b:1"} 9\n'
    + 'annuli_replica_answers_total{replica="b:1"} 8\nannuli_replica_answer_seconds_total{replica="b:1"} 0.016\n'
    + 'annuli_replica_requests_in_flight{replica="b:1"} 1\nannuli_replica_state{replica="b:1",state="ejected"} 1\n');
  const [, replica] = members({ 1: 'ready' }, { generation: 1 }, [{ samples: told }]);
  assert.deepEqual([replica.seq, replica.behind, replica.calls, replica.answerMs, replica.health], [30, 20, 1, 2, 'ejected']);
});

test('a shard without a primary says so', () => {
  const cluster = { indexes: { faces: { shards: [{ shard: 0, replicas: [] }] } } };
  const [{ members: [primary] }] = membersOf(INDEX, cluster, []);
  assert.deepEqual([primary.state, primary.why], ['gone', 'no process writes this shard']);
});
