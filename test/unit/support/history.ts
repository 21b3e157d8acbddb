// The checker of histories finds each kind of fault, and none where there is none.
import * as assert from 'uvu/assert';
import { checksum, History } from '../../support/chaos/history.ts';
import { suite } from '../../support/suite.ts';

const test = suite('history');
const MARKED = ['apply'];

test('a good history', () => {
  const history = new History();
  const a = history.invoke('apply', new Float32Array([1, 2]));
  const b = history.invoke('apply');
  const c = history.invoke('apply');
  history.ok(a, new Float32Array([1, 2]));
  history.fail(b, new Error('dead'));
  history.fail(c, new Error('never began'), 'fail');
  const verdict = history.verdict(new Map([a, b].map((id) => [id, 1])), MARKED);
  assert.equal(verdict, { operations: 3, ok: 1, failed: 1, unknown: 1, lost: 0, duplicated: 0, hung: 0, notes: [] });
});

for (const [name, make, expected] of [
  ['without an end', () => {}, { hung: 1 }],
  ['other data', (h: History, id: number) => h.ok(id, 'other'), { lost: 1 }],
  ['acknowledged and never done', (h: History, id: number) => h.ok(id, 'right'), { lost: 1 }],
  ['done twice', (h: History, id: number) => h.ok(id, 'right'), { duplicated: 1 }],
  ['failed and done twice', (h: History, id: number) => h.fail(id, 'x'), { duplicated: 1 }],
  ['told as never begun, and done', (h: History, id: number) => h.fail(id, 'x', 'fail'), { duplicated: 1 }],
  [
    'two ends',
    (h: History, id: number) => {
      h.ok(id, 'right');
      h.fail(id, 'x');
    },
    { duplicated: 1 },
  ],
] as const) {
  test(`finds: ${name}`, () => {
    const history = new History();
    const id = history.invoke('apply', 'right');
    make(history, id);
    const runs = (
      { 'acknowledged and never done': 0, 'done twice': 2, 'failed and done twice': 2 } as Record<string, number>
    )[name];
    const verdict = history.verdict(new Map([[id, runs ?? 1]]), MARKED);
    const { lost, duplicated, hung } = verdict;
    assert.equal({ lost, duplicated, hung }, { lost: 0, duplicated: 0, hung: 0, ...expected });
    assert.is(verdict.notes.length, 1);
  });
}

test('checksums tell bytes and values apart', () => {
  const sums = [new Float32Array([1]), new Float32Array([2]), [1], [2], 'a', undefined, null].map(checksum);
  assert.is(new Set(sums).size, sums.length);
  assert.is(checksum(new Float32Array([1, 2]).subarray(1)), checksum(new Float32Array([2])));
});

test.run();
