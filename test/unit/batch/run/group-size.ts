import * as assert from 'uvu/assert';
import { GroupSize, MOST_IN_GROUP } from '../../../../src/batch/run/group-size.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('batch/run/group-size');
const pictures = (count: number, size = 1000) => Array.from({ length: count }, () => ({ size }));
/** The sizes of the groups of a whole batch whose pictures take `ms` each. */
function sizesOf(work: readonly { readonly size: number }[], ms: number, engines: number): number[] {
  const size = new GroupSize();
  const sizes: number[] = [];
  for (let from = 0; from < work.length; from += sizes.at(-1) as number) {
    sizes.push(size.next(work, from, engines));
    size.took(ms);
  }
  return sizes;
}

test('groups cover every picture once, and never exceed what a task holds', () => {
  for (const [count, ms, engines] of [
    [1, 1, 1],
    [7, 0.1, 2],
    [1000, 3, 4],
    [333, 40, 3],
    [50, 1e4, 2],
  ] as const) {
    const sizes = sizesOf(pictures(count), ms, engines);
    assert.is(
      sizes.reduce((a, b) => a + b, 0),
      count,
    );
    assert.ok(
      sizes.every((n) => n >= 1 && n <= MOST_IN_GROUP),
      sizes.join(),
    );
  }
});

test('before anything is known pictures go alone; quick ones then go together, slow ones stay alone', () => {
  assert.is(sizesOf(pictures(500), 1, 2)[0], 1);
  assert.is(sizesOf(pictures(500), 1, 2)[20], MOST_IN_GROUP);
  assert.ok(sizesOf(pictures(500), 400, 2).every((n) => n === 1));
});

test('the first picture that has ended is known by its own time: a guess does not hold the next ones up', () => {
  const quick = new GroupSize();
  quick.took(10);
  assert.is(quick.next(pictures(500), 1, 2), 15);
  const slow = new GroupSize();
  slow.took(5000);
  assert.is(slow.next(pictures(500), 1, 2), 1);
});

test('the last pictures are spread over all engines', () => {
  const sizes = sizesOf(pictures(500), 1, 4);
  assert.equal(sizes.slice(-4), [1, 1, 1, 1]);
  assert.is(new GroupSize().next(pictures(3), 0, 0), 1, 'while no engine is there');
});

test('large files are not in memory together', () => {
  const size = new GroupSize();
  for (let i = 0; i < 30; i++) size.took(1);
  const work = [...pictures(3), ...pictures(40, 30_000_000), ...pictures(40)];
  assert.is(size.next(work, 0, 1), 3);
  assert.is(size.next(work, 3, 1), 1);
});

test.run();
