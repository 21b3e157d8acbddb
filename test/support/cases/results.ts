// Cases 1 to 13, 17 and 18 of the semantics page: what results look like, early, late and failed.
import * as assert from 'uvu/assert';
import { CompositeError, RemoteError, TaskAborted, TimeoutError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects, throws } from '../assert.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

const remoteSleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const failAtTwo = (x: number) => {
  if (x === 2) throw new RangeError('two!');
  return x;
};

export function resultCases(test: Suite, rig: () => Rig): void {
  test('case 1: single versus list', async () => {
    const { rc } = rig();
    const f = () => 42;
    assert.is(await rc.view(0).apply(f), 42);
    assert.equal(await rc.view([0]).apply(f), [42]);
    assert.equal(await rc.view('-1:').apply(f), [42]);
  });

  test('case 2: reading a finished result twice gives equal values', async () => {
    const ar = rig().v.apply(() => ({ a: [1, 2] }));
    assert.equal(await ar, await ar);
    assert.equal(await ar.get(), await ar.get());
  });

  test('case 3: get with no time raises TimeoutError, a later get delivers', async () => {
    const ar = rig().e0.apply(remoteSleep, 100);
    await rejects(() => ar.get({ timeout: 0 }), TimeoutError, /Result not ready/);
    assert.is(await ar.get(), undefined);
  });

  test('case 4: a failure is thrown again by every get, and by byEngine', async () => {
    const ar = rig().v.apply(() => {
      throw new TypeError('no');
    });
    for (let i = 0; i < 2; i++)
      await rejects(() => ar.get(), CompositeError, /raised in: apply\n\[0:apply\]TypeError: no/);
    await rejects(() => ar.byEngine(), CompositeError);
    await rejects(() => rig().e0.apply(failAtTwo, 2), RemoteError, /^\[0:apply\] RangeError: two!$/);
  });

  test('case 5: the keys of byEngine are the ids', async () => {
    const { v, rc } = rig();
    assert.equal([...(await v.apply(() => 1).byEngine()).keys()], rc.ids);
  });

  test('case 6: byEngine of a single target, whatever the value is', async () => {
    for (const value of [[1, 2], 5, 'text', { a: 1 }]) {
      const ar = rig().e0.apply((x: unknown) => x, value);
      assert.equal([...(await ar.byEngine())], [[0, value]]);
    }
  });

  test('case 9: map with a failing item throws in iteration and in get, also after completion', async () => {
    const ar = rig().v.map(failAtTwo, range(5));
    for (let i = 0; i < 2; i++) {
      await rejects(
        async () => {
          for await (const _ of ar);
        },
        RemoteError,
        /two!/,
      );
      await rejects(() => ar.get(), CompositeError, /two!/);
    }
    const good: number[] = [];
    await rejects(async () => {
      for await (const x of ar) good.push(x);
    }, RemoteError);
    assert.equal(good, [0, 1], 'good results come first, also when all is done');
  });

  test('case 10: metadata before and after completion', async () => {
    const { v } = rig();
    const ar = v.apply(remoteSleep, 50);
    const before = ar.metadata as { completed: Date | null; nope?: string }[];
    assert.equal(
      before.map((m) => m.completed),
      [null, null, null, null],
    );
    await ar;
    const after = ar.metadata as { completed: Date | null }[];
    assert.ok(after.every((m) => m.completed instanceof Date));
    const keys =
      'after,completed,data,engineId,engineUuid,error,executeInput,executeResult,follow,isBroadcast,label,msgId,outputs,received,started,status,stderr,stdout,submitted';
    assert.is(
      Object.keys(after[0] as object)
        .sort()
        .join(),
      keys,
    );
  });

  test('case 11: a task queued behind a sleep is aborted, the sleeper succeeds', async () => {
    const { e0 } = rig();
    const sleeper = e0.apply(remoteSleep, 300);
    const queued = e0.apply(() => 1);
    await queued.abort();
    const error = await rejects(() => queued.get(), TaskAborted, /engine 0/);
    assert.is(error.ename, 'TaskAborted');
    assert.is(await sleeper, undefined);
    await rejects(() => sleeper.abort(), Error, /Can't abort, I am already done!/);
  });

  test('case 12: lengths count items', async () => {
    const { v, e0 } = rig();
    assert.is(v.apply(() => 1).length, 4);
    assert.is(e0.apply(() => 1).length, 1);
    assert.is(v.map((x: number) => x, range(10)).length, 10);
  });

  test('case 13: wall and serial time', async () => {
    const ar = rig().v.apply(remoteSleep, 250);
    throws(() => ar.wallTime, TimeoutError);
    throws(() => ar.successful, TimeoutError);
    await ar;
    assert.ok(ar.serialTime >= 4 * 240, `serial ${ar.serialTime}`);
    assert.ok(ar.wallTime >= 240 && ar.wallTime < ar.serialTime, `wall ${ar.wallTime}, serial ${ar.serialTime}`);
  });

  test('case 17: errors stand in their places, also of a direct map', async () => {
    const mixed = await rig().v.map(failAtTwo, range(8)).get({ returnErrors: true });
    assert.is(mixed.length, 8);
    assert.ok(mixed[2] instanceof RemoteError);
    assert.equal(
      mixed.filter((_, i) => i !== 2),
      [0, 1, 3, 4, 5, 6, 7],
    );
  });

  test('case 18: returnErrors asked for after completion', async () => {
    const ar = rig().v.apply((id: unknown) => {
      if ((globalThis as { engine?: { id: number } }).engine?.id === id) throw new Error('bad rank');
      return 'fine';
    }, 2);
    await ar.wait();
    const mixed = await ar.get({ returnErrors: true });
    assert.equal(
      mixed.map((x) => x instanceof RemoteError),
      [false, false, true, false],
    );
  });
}
