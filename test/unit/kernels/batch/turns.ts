import * as assert from 'uvu/assert';
import { computedMs, inTurn } from '../../../../kernels/batch/turns.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('kernels/batch/turns');
const tick = () => new Promise((resolve) => setImmediate(resolve));

test('pictures of a group compute one after the other, also when one fails', async () => {
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await tick();
    await tick();
    seen.push(`${name} ends`);
    if (name === 'b') throw new RangeError('b');
    return name;
  };
  const before = computedMs();
  const ends = await Promise.allSettled(['a', 'b', 'c'].map((name) => inTurn('group', work(name))));
  assert.equal(seen, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  assert.equal(
    ends.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.ok(computedMs() > before, 'their time is counted');
});

test('a picture that never ends holds up no other group, and no picture without one', async () => {
  void inTurn('stuck', () => new Promise(() => {}));
  assert.is(await inTurn('next', async () => 1), 1);
  void inTurn('stuck again', () => new Promise(() => {}));
  assert.is(await inTurn(undefined, async () => 2), 2);
});

test.run();
