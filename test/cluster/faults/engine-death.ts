// An engine that dies takes only its own work with it. B13 of the semantics page.
import { existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { CompositeError, EngineError, RemoteError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { until, untilRunning, withRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/engine-death');
const slowly = (x: number) => new Promise<number>((resolve) => setTimeout(() => resolve(x), 150));

test('SIGKILL during a map: one EngineError, three good parts, the id gone', async () => {
  await withRig(4, async ({ rc, v }) => {
    const ar = v.map(slowly, range(8));
    await untilRunning(rc, [3]);
    process.kill(rc.engine(3)?.pid as number, 'SIGKILL');
    const error = await rejects(() => ar.get(), CompositeError, /raised in: slowly/);
    assert.is(error.errors.length, 1);
    assert.instance(error.errors[0], EngineError);
    assert.match((error.errors[0] as EngineError).evalue, /^Engine 3 died while running task '.+' \(.*SIGKILL.*\)$/);
    const mixed = await ar.get({ returnErrors: true });
    assert.equal(mixed.slice(0, 6), range(6));
    assert.ok(mixed.slice(6).every((item) => item instanceof EngineError));
    assert.equal(rc.ids, [0, 1, 2]);
  });
});

test('the other engines go on; a frozen view names the dead one; all sees who is left', async () => {
  await withRig(3, async ({ rc, v }) => {
    const all = rc.view('all');
    process.kill(rc.engine(1)?.pid as number, 'SIGKILL');
    await until('engine 1 to leave', () => !rc.ids.includes(1));
    assert.equal(await all.apply(() => 1), [1, 1]);
    const mixed = await v.apply(() => 1).get({ returnErrors: true });
    assert.equal([mixed[0], mixed[2]], [1, 1]);
    assert.instance(mixed[1], EngineError);
    assert.match((mixed[1] as EngineError).evalue, /engine:? 1/i);
  });
});

test('process.exit in user code is an EngineError with its code; queued tasks fail likewise', async () => {
  await withRig(2, async ({ rc }) => {
    const one = rc.view(1);
    const exiting = one.apply(() => process.exit(7));
    const queued = one.apply(() => 1);
    const error = await rejects(() => exiting.get(), EngineError, /code 7/);
    assert.instance(error, RemoteError);
    assert.is(error.ename, 'EngineError');
    await rejects(() => queued.get(), EngineError, /Engine 1 died/);
    assert.is(await rc.view(0).apply(() => 'alive'), 'alive');
  });
});

test('an engine that runs out of memory says so in the words of V8', async () => {
  const env = { NODE_OPTIONS: '--max-old-space-size=64' };
  await withRig(
    1,
    async ({ e0 }) => {
      const hungry = e0.apply(() => {
        const all: unknown[] = [];
        for (;;) all.push(new Array(10_000).fill({ a: 1 }));
      });
      const error = await rejects(() => hungry.get(), EngineError, /Engine 0 died while running task/);
      assert.match(error.evalue, /\(was killed by SIG\w+: .*JavaScript heap out of memory\)$/);
    },
    { env },
  );
});

test('the last words of an engine are in the error: an uncaught line, a line written before the exit', async () => {
  await withRig(2, async ({ rc, e0 }) => {
    const native = e0.apply(() => {
      // As native code does: the task's own output does not get it.
      (process as unknown as { _rawDebug(text: string): void })._rawDebug('libfoo: assertion failed');
      process.exit(3);
    });
    await rejects(
      () => native.get(),
      EngineError,
      /exited with code 3; its last output: .*libfoo: assertion failed\)$/,
    );
    const aborted = rc.view(1).apply(() => process.abort());
    await rejects(() => aborted.get(), EngineError, /was killed by SIGABRT/);
  });
});

test('a restarted engine keeps its id and nothing else', async () => {
  await withRig(2, async ({ rc }) => {
    await rc.view(':').push({ kept: 1 });
    const before = rc.engine(1)?.uuid;
    await rc.restart(1);
    assert.equal(rc.ids, [0, 1]);
    assert.is.not(rc.engine(1)?.uuid, before);
    assert.equal(await rc.view(':').pull('typeof kept'), ['number', 'undefined']);
  });
});

test('where no engine is alive, a restart without ids brings back those that died', async () => {
  await withRig(2, async ({ rc, v }) => {
    await rejects(() => v.apply(() => process.exit(3)).get(), CompositeError, /code 3/);
    await until('both to leave', () => rc.ids.length === 0);
    await rc.restart();
    assert.equal(rc.ids, [0, 1]);
    assert.equal(await rc.view('all').apply(() => 'back'), ['back', 'back']);
  });
});

test('an endless loop is interrupted, the namespace survives, the queue goes on', async () => {
  await withRig(2, async ({ rc }) => {
    const e0 = rc.view(0);
    await e0.push({ kept: 5 });
    const stuck = e0.apply(() => {
      for (;;);
    });
    const after = e0.pull('kept');
    await untilRunning(rc, [0]);
    assert.equal((await rc.status(0)).get(0)?.running, stuck.msgIds[0], 'status is answered meanwhile');
    await rc.interrupt(0);
    await rejects(() => stuck.get(), RemoteError, /TaskInterrupted/);
    assert.is(await after, 5);
  });
});

test('a loop that cannot be broken ends by replacing the engine, and says so', async () => {
  await withRig(2, async ({ rc }) => {
    const before = rc.engine(0)?.uuid;
    const mark = join(tmpdir(), `loop-${process.pid}`);
    const stuck = rc.view(0).apply(async (path: string) => {
      (await import('node:fs')).writeFileSync(path, '');
      for (;;);
    }, mark);
    // Before the `await` a signal would break it.
    await until('the loop', () => existsSync(mark));
    rmSync(mark);
    await rc.interrupt(0, { grace: 300 });
    const error = await rejects(() => stuck.get(), RemoteError, /TaskInterrupted/);
    assert.match(error.message, /engine 0 was replaced; its namespace is empty/);
    assert.is(rc.length, 2);
    assert.is.not(rc.engine(0)?.uuid, before, 'another engine has its id');
    assert.is(await rc.view(0).apply(() => 'alive'), 'alive');
  });
});

test('a run-time limit ends the task, not the engine', async () => {
  await withRig(1, async ({ e0 }) => {
    const slow = e0.with({ runTimeout: 100 }).apply(() => new Promise((resolve) => setTimeout(resolve, 5000)));
    await rejects(() => slow.get(), RemoteError, /TaskTimeout/);
    assert.is(await e0.apply(() => 1), 1);
  });
});

test.run();
