// Cases 7, 8, 12, 19, 20, 21, 36 and 40 of the semantics page, and B9, B13 to B15: what load balancing does.
import * as assert from 'uvu/assert';
import type { Metadata } from '../../../src/client/links/task.ts';
import { Dependency } from '../../../src/client/load-balanced/dependency.ts';
import { AsyncResult } from '../../../src/client/results/async-result.ts';
import {
  CompositeError,
  EngineError,
  ImpossibleDependency,
  InvalidDependency,
  RemoteError,
  TaskAborted,
  TaskTimeout,
} from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects, throws } from '../assert.ts';
import { type Rig, until, untilRunning, withRig } from '../cluster.ts';
import { inPairs } from '../in-pairs.ts';
import type { Suite } from '../suite.ts';

declare const engine: { readonly id: number };

const nap = (ms: number) => new Promise<number>((resolve) => setTimeout(() => resolve(ms), ms));
const where = () => engine.id;
const power = (x: number) => x ** 10;
const fail = () => {
  throw new RangeError('no good');
};
const failAtTwo = (x: number) => {
  if (x === 2) throw new RangeError('two!');
  return x;
};

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const engineOf = (result: AsyncResult<unknown, unknown>) => (result.metadata as Metadata).engineId as number;

/** Against engines that other cases use too. */
export function balancedCases(test: Suite, rig: () => Rig): void {
  test('case 7: byEngine fails for 2n load-balanced tasks on n engines', async () => {
    const { rc } = rig();
    const ar = rc.loadBalanced().map(power, range(2 * rc.length));
    await rejects(() => ar.byEngine(), RangeError, /jobs ran on engine #\d/);
  });

  test('case 8: iterating a pending load-balanced map yields every item, five times', async () => {
    const lview = rig().rc.loadBalanced();
    for (let i = 0; i < 5; i++) assert.equal(await collect(lview.map(power, range(16))), range(16).map(power));
  });

  test('case 12: lengths of load-balanced results', async () => {
    const lview = rig().rc.loadBalanced();
    assert.is(lview.map(power, range(10)).length, 10);
    assert.is(lview.apply(() => 1).length, 1);
    assert.is(lview.map(power, range(10), { chunkSize: 4 }).length, 10);
  });

  test('case 17, load balanced: errors stand in their places', async () => {
    const ar = rig().rc.loadBalanced().map(failAtTwo, range(4));
    const mixed = await ar.get({ returnErrors: true });
    assert.equal([mixed[0], mixed[1], mixed[3]], [0, 1, 3]);
    assert.match((mixed[2] as RemoteError).message, /^\[\d:map\] RangeError: two!$/);
    assert.is((await rejects(() => ar.get(), CompositeError)).errors.length, 1);
  });

  test('case 19: split gives children with one message each; join is its inverse', async () => {
    const ar = rig().rc.loadBalanced().map(power, range(6));
    const children = ar.split();
    assert.equal(
      children.map((child) => child.msgIds),
      ar.msgIds.map((id) => [id]),
    );
    assert.equal(await AsyncResult.join(...children), await ar);
  });

  test('case 20: FIRST_EXCEPTION with one failing at once and the others asleep', async () => {
    const lview = rig().rc.loadBalanced();
    const ar = lview.map(async (rank: number) => {
      if (rank === 0) throw new Error('first');
      await new Promise((resolve) => setTimeout(resolve, 300));
    }, range(4));
    const { done, pending } = await ar.wait(undefined, { returnWhen: 'FIRST_EXCEPTION' });
    assert.equal([...done], [ar.msgIds[0]]);
    assert.is(pending.size, 3);
    await rejects(() => ar.get(), CompositeError, /first/);
  });

  test('case 21: progress runs from 0 to the length over 2n sleeps', async () => {
    const { rc } = rig();
    const ar = rc.loadBalanced().map(
      nap,
      range(2 * rc.length).map(() => 20),
    );
    assert.is(ar.progress, 0);
    const seen: number[] = [];
    for await (const _ of ar) seen.push(ar.progress);
    assert.is(ar.progress, 2 * rc.length);
    assert.ok(
      seen.every((n, i) => n > i && n <= 2 * rc.length),
      String(seen),
    );
  });

  test('case 40: inputs are cut to the shortest, first or last', async () => {
    const lview = rig().rc.loadBalanced();
    const pair = (x: number, y: number) => [x, y];
    assert.equal(await lview.map(pair, range(3), [10]), [[0, 10]]);
    assert.equal(await lview.map(pair, [10], range(3)), [[10, 0]]);
  });

  test('case 40: unordered is a permutation, ordered equals; chunk sizes make 32, 8 and 7 tasks', async () => {
    const lview = rig().rc.loadBalanced();
    const expected = range(32).map(power);
    for (const [chunkSize, tasks] of [
      [1, 32],
      [4, 8],
      [5, 7],
    ] as const) {
      const ordered = lview.map(power, range(32), { chunkSize });
      assert.is(ordered.msgIds.length, tasks);
      assert.equal(await collect(ordered), expected);
      const unordered = lview.map(power, range(32), { chunkSize, ordered: false });
      assert.equal(
        (await collect(unordered)).sort((a, b) => a - b),
        expected,
      );
      assert.equal(await unordered, expected, 'the value is in input order');
    }
  });

  test('chunks with two items under way at once', async () => {
    const lview = rig().rc.loadBalanced();
    const options = { chunkSize: 4, concurrency: 2 };
    assert.equal(await lview.map(inPairs, range(16), options), range(16));
    assert.equal(await collect(lview.imap(inPairs, range(8), options)), range(8));
    throws(() => lview.map(inPairs, range(2), { concurrency: 1.5 }), TypeError, /concurrency/);
  });

  test('case 40: unordered iteration is in order of arrival, also afterwards', async () => {
    const two = rig().rc.loadBalanced([0, 1]);
    const ar = two.map(nap, [600, 80, 450, 10], { ordered: false });
    assert.equal(
      await collect(ar),
      [80, 450, 10, 600].sort((a, b) => arrivalOf(ar, a) - arrivalOf(ar, b)),
    );
    const again = await collect(ar);
    assert.equal(again, await collect(ar.asReady() as AsyncIterable<number>));
    assert.is(again[0], 80);
    assert.is(again.at(-1), 600);
  });

  test('case 40: imap bounds what is in flight and cancels an endless source', async () => {
    const { rc } = rig();
    let read = 0;
    const endless = (function* () {
      for (;;) yield read++;
    })();
    const items = rc.loadBalanced().imap(power, endless, { maxOutstanding: 6 });
    for (let taken = 1; taken <= 20; taken++) {
      assert.is((await items.next()).value, power(taken - 1));
      assert.ok(read <= taken + 6, `${read} read, ${taken} taken`);
    }
    items.cancel();
    const rest = await collect(items);
    assert.is(20 + rest.length, read);
  });

  test('imap with returnErrors: errors are items, and the stream goes on', async () => {
    const { rc } = rig();
    const picky = (x: number) => {
      if (x === 2) throw new RangeError('not two');
      return x;
    };
    const items = await collect(rc.loadBalanced().imap(picky, range(6), { returnErrors: true }));
    assert.is((items[2] as RemoteError).evalue, 'not two');
    assert.equal(items.toSpliced(2, 1), [0, 1, 3, 4, 5]);
  });

  test('case 40: retries below n give the task’s error, n with a timeout TaskTimeout', async () => {
    const { rc } = rig();
    const n = rc.length;
    const failing = rc
      .loadBalanced()
      .with({ retries: n - 2 })
      .apply(fail);
    await rejects(() => failing.get(), RemoteError, /^\[\d:apply\] RangeError: no good$/);
    const waiting = rc.loadBalanced().with({ retries: n, timeout: 100 }).apply(fail);
    const late = await rejects(() => waiting.get(), TaskTimeout, /^\[Engine Exception\] TaskTimeout: /);
    assert.match((late.cause as Error).message, /no good/);
    const exhausted = rc
      .loadBalanced()
      .with({ retries: 2 * n })
      .apply(fail);
    await rejects(() => exhausted.get(), RemoteError, /no good/);
  });

  test('case 40: a failed task never runs twice on the same engine', async () => {
    const { rc, v } = rig();
    await v.push({ tries: 0 });
    const failing = rc
      .loadBalanced()
      .with({ retries: 9 })
      .apply(() => {
        (globalThis as unknown as { tries: number }).tries++;
        throw new Error('again');
      });
    await rejects(() => failing.get(), RemoteError, /again/);
    assert.equal(
      await v.pull('tries'),
      rc.ids.map(() => 1),
    );
  });

  test('case 40: invalid and impossible dependencies are refused', async () => {
    const lview = rig().rc.loadBalanced();
    const unknown = lview.with({ after: 'no such task' }).apply(where);
    await rejects(() => unknown.get(), InvalidDependency, /^\[Engine Exception\] InvalidDependency: /);
    const bad = lview.apply(fail);
    await bad.wait();
    await rejects(() => lview.with({ after: bad }).apply(where).get(), ImpossibleDependency);
    const two = rig().rc.view([0, 1]).apply(where);
    await two;
    await rejects(() => lview.with({ follow: two }).apply(where).get(), ImpossibleDependency);
    throws(() => new Dependency(two, { success: false }), TypeError);
    assert.ok([0, 1].includes(await lview.with({ follow: new Dependency(two, { all: false }) }).apply(where)));
    assert.type(await lview.with({ after: new Dependency(bad, { failure: true }) }).apply(where), 'number');
  });

  test('case 40: follow stays on the engine, after starts later', async () => {
    const lview = rig().rc.loadBalanced();
    const first = lview.apply(nap, 60);
    const later = lview.with({ after: first }).apply(where);
    const beside = lview.with({ follow: first }).map(where, range(5));
    await Promise.all([later, beside]);
    assert.ok((later.metadata as Metadata).started! >= (first.metadata as Metadata).completed!);
    assert.equal(new Set(await beside), new Set([engineOf(first)]));
    assert.equal((later.metadata as Metadata).after, first.msgIds);
    assert.equal((beside.metadata as Metadata[])[0]?.follow, first.msgIds);
  });

  test('apply visits each idle engine twice in 2n calls, in one cycle', async () => {
    const { rc } = rig();
    const lview = rc.loadBalanced();
    const visits: number[] = [];
    for (let i = 0; i < 2 * rc.length; i++) visits.push(await lview.apply(where));
    assert.equal(visits.slice(0, rc.length), visits.slice(rc.length));
    assert.is(new Set(visits).size, rc.length);
  });

  test('tiny tasks are pipelined; those that got behind a long one finish elsewhere', async () => {
    const lview = rig().rc.loadBalanced();
    const sometimesLong = async (x: number) => {
      if (x === 300) await new Promise((resolve) => setTimeout(resolve, 1500));
      return x;
    };
    const ar = lview.map(sometimesLong, range(600), { ordered: false });
    const seen = await collect(ar);
    assert.is(seen.at(-1), 300, 'the long one is last');
    assert.equal(await ar, range(600));
    const stdoutOnce = lview.map((x: number) => console.log(x), range(50));
    await stdoutOnce;
    assert.equal(
      stdoutOnce.stdout,
      range(50).map((x) => `${x}\n`),
    );
  });

  test('depend and require: predicates run on the engine', async () => {
    const { rc, v } = rig();
    const lview = rc.loadBalanced();
    await v.push({ special: 0 });
    await rc.view(2).push({ special: 1, onlyHere: { x: 1 } });
    const special = lview.depend(() => (globalThis as unknown as { special: number }).special === 1);
    assert.equal(await special.map(where, range(6)), [2, 2, 2, 2, 2, 2]);
    assert.equal(await lview.require('onlyHere.x').map(where, range(4), { chunkSize: 2 }), [2, 2, 2, 2]);
    assert.is(await lview.depend(ref('() => special')).apply(where), 2);
    await rejects(
      () =>
        lview
          .depend(() => false)
          .apply(where)
          .get(),
      ImpossibleDependency,
    );
    await v.clear();
  });

  test('B14: queued tasks are aborted, running ones finish; runTimeout ends a run', async () => {
    const lview = rig().rc.loadBalanced([0]);
    const running = lview.apply(nap, 1000);
    const queued = lview.map(nap, [1, 2, 3]);
    await untilRunning(rig().rc, [0]);
    await lview.abort();
    const error = await rejects(() => queued.get(), CompositeError);
    assert.ok(error.errors.every((e) => e instanceof TaskAborted));
    assert.is(await running, 1000);
    const endless = lview.with({ runTimeout: 100 }).apply(() => {
      for (;;);
    });
    await rejects(() => endless.get(), TaskTimeout);
    assert.is(await lview.apply(where), 0);
  });

  test('Executor: a piscina pool in one line', async () => {
    await using pool = rig().rc.executor((x: number) => x * x);
    assert.equal(
      await Promise.all(range(50).map((x) => pool.run(x))),
      range(50).map((x) => x * x),
    );
    assert.is(pool.completed, 50);
  });
}

function arrivalOf(ar: AsyncResult<unknown, unknown>, ms: number): number {
  return ar.tasks.find((task) => task.outcome?.ok && task.outcome.value === ms)?.arrival ?? -1;
}

/** Cases that kill or add engines: each with a cluster of its own. */
export function balancedFaultCases(test: Suite, device: 'cpu' | 'wasm'): void {
  const options = { device };
  const cluster = (engines: number, run: (rig: Rig) => Promise<void>) => () => withRig(engines, run, options);

  test(
    'case 36, load balanced: an engine killed while it runs a task',
    cluster(3, async ({ rc }) => {
      const lview = rc.loadBalanced();
      const held = lview.apply(nap, 60_000);
      await until('the task is on an engine', () => held.tasks[0]?.engine !== undefined);
      const victim = engineOf(held);
      // One that has not started is given to another engine.
      await untilRunning(rc, [victim]);
      const retried = lview.with({ retries: 1 }).map(
        nap,
        range(30).map(() => 20),
      );
      process.kill(rc.engine(victim)?.pid as number, 'SIGKILL');
      await rejects(() => held.get(), EngineError, new RegExp(`Engine ${victim} died while running task`));
      assert.is((await retried).length, 30);
      await until('its id is gone', () => !rc.ids.includes(victim));
    }),
  );

  test(
    'engines that join are used at once, while a map runs',
    cluster(1, async ({ rc }) => {
      const ar = rc.loadBalanced().map(async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        return engine.id;
      }, range(200));
      await rc.addEngines(1);
      await rc.waitForEngines(2);
      assert.is(new Set(await ar).size, 2);
    }),
  );
}
