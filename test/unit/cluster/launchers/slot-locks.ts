import * as assert from 'uvu/assert';
import { SlotLocks } from '../../../../src/cluster/launchers/slot-locks.ts';
import { deferred } from '../../../../src/util/deferred.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('slot locks');
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('operations with a common id run one after the other, also after a failure; others run together', async () => {
  const locks = new SlotLocks();
  const log: string[] = [];
  const gates = { a: deferred<void>(), b: deferred<void>(), c: deferred<void>() };
  const operation =
    (name: 'a' | 'b' | 'c', fails = false) =>
    async () => {
      log.push(`+${name}`);
      await gates[name].promise;
      log.push(`-${name}`);
      if (fails) throw new Error(name);
      return name;
    };
  const a = locks.run([0, 1], operation('a', true));
  const b = locks.run([1, 2], operation('b'));
  const c = locks.run([3], operation('c'));
  const failure = rejects(() => a, Error, /^a$/);
  await turn();
  assert.equal(log, ['+a', '+c']);
  gates.a.resolve();
  await failure;
  await turn();
  assert.equal(log, ['+a', '+c', '-a', '+b']);
  gates.b.resolve();
  gates.c.resolve();
  assert.equal(await Promise.all([b, c]), ['b', 'c']);
  assert.is(await locks.run([0, 1, 2, 3], async () => 'free'), 'free');
});

test.run();
