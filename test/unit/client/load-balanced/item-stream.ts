// imap over engines in this process: back-pressure, order, endless and asynchronous input, leaving early; the Executor.
import * as assert from 'uvu/assert';
import { Executor } from '../../../../src/client/executor.ts';
import { LoadBalancedView } from '../../../../src/client/load-balanced/balanced-view.ts';
import { Balancer } from '../../../../src/client/load-balanced/balancer.ts';
import {
  AbortError,
  EngineError,
  NoEnginesRegistered,
  NotSerializableError,
  RemoteError,
  TaskAborted,
} from '../../../../src/errors.ts';
import { range } from '../../../../src/tensor/convert.ts';
import { rejects, throws } from '../../../support/assert.ts';
import { FakeSession } from '../../../support/fake-engines.ts';
import { waitFor } from '../../../support/links.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/load-balanced/imap');
const double = (x: number) => 2 * x;

function scene(engines = 4): { session: FakeSession; lview: LoadBalancedView } {
  const session = new FakeSession(engines);
  return { session, lview: new LoadBalancedView(new Balancer(session, session.jobs), 'all') };
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function* counting(read: { n: number }): Generator<number> {
  for (;;) yield read.n++;
}

async function* asynchronous(n: number): AsyncGenerator<number> {
  for (let i = 0; i < n; i++) {
    await new Promise(setImmediate);
    yield i;
  }
}

test('ordered equals the input order, unordered is a permutation; chunks too', async () => {
  const { lview } = scene();
  const expected = range(50).map(double);
  for (const chunkSize of [1, 7]) {
    assert.equal(await collect(lview.imap(double, range(50), { chunkSize })), expected);
    const any = await collect(lview.imap(double, range(50), { chunkSize, ordered: false, maxOutstanding: 0 }));
    assert.equal(
      any.sort((a, b) => a - b),
      expected,
    );
  }
  assert.equal(await collect(lview.imap(double, [])), []);
});

test('asynchronous iterables, several in step, cut to the shortest', async () => {
  const { lview } = scene();
  assert.equal(await collect(lview.imap(double, asynchronous(10))), range(10).map(double));
  const pairs = lview.imap((x: number, s: string) => `${x}${s}`, asynchronous(10), 'abc');
  assert.equal(await collect(pairs), ['0a', '1b', '2c']);
});

test('reads no further ahead than maxOutstanding; nothing before the first item is asked for', async () => {
  const { lview } = scene(4);
  for (const [maxOutstanding, most] of [
    ['auto', 4],
    [10, 10],
  ] as const) {
    const read = { n: 0 };
    const items = lview.imap(double, counting(read), { maxOutstanding });
    assert.is(read.n, 0);
    for (let taken = 1; taken <= 30; taken++) {
      assert.is((await items.next()).value, 2 * (taken - 1));
      await new Promise((resolve) => setTimeout(resolve, 1));
      assert.ok(read.n <= taken + most, `${read.n} read after ${taken} taken`);
    }
    assert.ok(items.outstanding <= most);
    await items.return();
    assert.is(items.outstanding, 0);
  }
});

test('cancel ends the reading of an endless source; what was read is still given', async () => {
  const { lview } = scene(4);
  const read = { n: 0 };
  const items = lview.imap(double, counting(read), { maxOutstanding: 0 });
  await items.next();
  items.cancel();
  const rest = await collect(items);
  assert.is(rest.length, read.n - 1);
  assert.equal(await items.next(), { done: true, value: undefined });
});

test('break leaves the stream: the source is closed, no task is left', async () => {
  const { lview } = scene(2);
  let closed = false;
  const source = (function* () {
    try {
      for (let i = 0; ; i++) yield i;
    } finally {
      closed = true;
    }
  })();
  for await (const x of lview.imap(double, source)) if (x === 6) break;
  await waitFor(() => closed, 'the source to be closed');
  await waitFor(() => lview.outstanding.size === 0, 'the tasks that were on their way');
});

test('a failing item: good results first, then its error; a failing source likewise', async () => {
  const { lview } = scene(2);
  const bad = (x: number) => {
    if (x === 3) throw new RangeError('three');
    return x;
  };
  const good: number[] = [];
  await rejects(
    async () => {
      for await (const x of lview.imap(bad, counting({ n: 0 }))) good.push(x);
    },
    RemoteError,
    /\[\d:imap\] RangeError: three/,
  );
  assert.equal(good, [0, 1, 2]);
  const source = (function* () {
    yield 1;
    throw new TypeError('source broke');
  })();
  await rejects(() => collect(lview.imap(double, source)), TypeError, /source broke/);
  // @ts-expect-error the compiler refuses it, too
  throws(() => lview.imap(double, 5), TypeError, /iterables/);
  // @ts-expect-error the compiler refuses it, too
  throws(() => lview.imap(double), TypeError, /at least one/);
});

test('signal: the stream ends in AbortError', async () => {
  const { lview } = scene(2);
  const cancel = new AbortController();
  const items = lview.imap(double, counting({ n: 0 }), { signal: cancel.signal });
  await items.next();
  cancel.abort();
  await rejects(() => collect(items), AbortError);
});

test('keeps nothing of what it gave', async () => {
  const { lview, session } = scene(4);
  let n = 0;
  for await (const _ of lview.imap(double, range(3000), { maxOutstanding: 64 })) n++;
  assert.is(n, 3000);
  assert.is(session.jobs.history.length, 0);
  assert.is(session.jobs.outstanding.size, 0);
});

const odd = (x: number) => {
  if (x % 3 === 2) throw new RangeError(`not ${x}`);
  return x;
};
const seen = (item: unknown) => (item instanceof RemoteError ? item.evalue : item);

test('returnErrors: errors stand in the places of failed items, and the stream goes on', async () => {
  const { lview } = scene(3);
  const expected = range(20).map((x) => (x % 3 === 2 ? `not ${x}` : x));
  for (const chunkSize of [1, 4]) {
    const items = await collect(lview.imap(odd, range(20), { chunkSize, returnErrors: true }));
    assert.equal(items.map(seen), expected);
    const any = await collect(lview.imap(odd, range(20), { chunkSize, ordered: false, returnErrors: true }));
    assert.equal(any.map(seen).sort(), [...expected].sort());
  }
  const [, , bad] = await collect(lview.imap(odd, range(3), { returnErrors: true }));
  assert.match((bad as RemoteError).message, /^\[\d:imap\] RangeError: not 2$/);
});

test('returnErrors: retries come first, and a failing source still ends the stream', async () => {
  const { lview } = scene(2);
  const once = new Set<number>();
  Object.assign(globalThis, { once });
  const flaky = (x: number) => {
    const tried = (globalThis as unknown as { once: Set<number> }).once;
    if (tried.has(x)) return x;
    tried.add(x);
    throw new RangeError(`first try of ${x}`);
  };
  assert.equal(await collect(lview.imap(flaky, range(6), { retries: 1, returnErrors: true })), range(6));
  const source = (function* () {
    yield 2;
    yield 3;
    throw new TypeError('source broke');
  })();
  const good: unknown[] = [];
  await rejects(
    async () => {
      for await (const x of lview.imap(odd, source, { returnErrors: true })) good.push(seen(x));
    },
    TypeError,
    /source broke/,
  );
  assert.equal(good, ['not 2', 3]);
});

test('returnErrors: an engine that dies fails the items it had, no others', async () => {
  const { lview, session } = scene(2);
  const options = { returnErrors: true, chunkSize: 2, maxOutstanding: 4 } as const;
  const items = lview.with({ hwm: 1 }).imap(double, range(20), options);
  const all: unknown[] = [(await items.next()).value];
  session.kill(0);
  all.push(...(await collect(items)));
  assert.is(all.length, 20);
  const lost = all.flatMap((item, i) => (item instanceof EngineError ? [i] : []));
  assert.is(lost.length, 2, 'the two items of one chunk');
  assert.is(lost[1], (lost[0] as number) + 1);
  assert.is((lost[0] as number) % 2, 0);
  all.forEach((item, i) => {
    if (!lost.includes(i)) assert.is(item, 2 * i);
  });
});

test('returnErrors: without engines, and for an item that cannot travel, the items say so', async () => {
  const { lview, session } = scene(1);
  const identity = (x: unknown) => x;
  const [one, native, three] = await collect(lview.imap(identity, [1, Math.max, 3], { returnErrors: true }));
  assert.equal([one, (native as RemoteError).ename, three], [1, 'NotSerializableError', 3]);
  assert.instance(native, RemoteError);
  session.kill(0);
  const none = await collect(lview.imap(double, range(3), { returnErrors: true, chunkSize: 2 }));
  assert.equal(
    none.map((item) => item instanceof RemoteError && item.ename),
    ['NoEnginesRegistered', 'NoEnginesRegistered', 'NoEnginesRegistered'],
  );
  await rejects(() => collect(lview.imap(double, range(3))), NoEnginesRegistered);
  assert.is(session.jobs.history.length, 0);
});

test('a function that cannot travel is refused at once', () => {
  const { lview } = scene(1);
  throws(() => lview.imap(Math.max, [1], { returnErrors: true }), NotSerializableError);
  throws(() => lview.imap(Math.max, [1]), NotSerializableError);
});

test('returnErrors: aborted tasks give TaskAborted, a signal ends the stream', async () => {
  const { lview } = scene(1);
  const items = lview.with({ hwm: 1 }).imap(double, range(6), { returnErrors: true, maxOutstanding: 0 });
  const first = await items.next();
  await lview.abort();
  const rest = await collect(items);
  assert.is(first.value, 0);
  assert.is(rest.length, 5);
  assert.ok(rest.some((item) => item instanceof TaskAborted));
  const cancel = new AbortController();
  const endless = lview.imap(odd, counting({ n: 0 }), { signal: cancel.signal, returnErrors: true });
  await endless.next();
  cancel.abort();
  await rejects(() => collect(endless), AbortError);
});

test('a hundred thousand items, good and bad, are forgotten as they are taken', async () => {
  const { lview, session } = scene(4);
  const options = { returnErrors: true, chunkSize: 100, maxOutstanding: 8 } as const;
  const read = { n: 0 };
  let [taken, bad, held] = [0, 0, 0];
  const items = lview.imap(odd, counting(read), options);
  for await (const item of items) {
    if (item instanceof RemoteError) bad++;
    held = Math.max(held, session.jobs.history.length, items.outstanding);
    if (++taken === 100_000) break;
  }
  assert.is(bad, 33_333);
  assert.ok(held > 0 && held <= 8, `${held} tasks were held`);
  assert.ok(read.n <= taken + 9 * 100, `${read.n} items were read`);
  await waitFor(() => session.jobs.history.length === 0, 'the last tasks to be forgotten');
});

test('Executor: run, submit, map, counts, close', async () => {
  const { lview } = scene(4);
  const pool = new Executor(lview, (x: number) => x ** 2);
  assert.equal(
    await Promise.all(range(20).map((x) => pool.run(x))),
    range(20).map((x) => x ** 2),
  );
  assert.is(await pool.submit((a: number, b: number) => a + b, 2, 3), 5);
  assert.equal(await pool.map(double, range(5)), range(5).map(double));
  assert.equal(await collect(pool.map(double, range(5))), range(5).map(double));
  await rejects(() => pool.submit(() => JSON.parse('{')), RemoteError, /SyntaxError/);
  assert.is(pool.completed, 32);
  assert.is(pool.queueSize, 0);
  const late = pool.run(9);
  assert.is(pool.queueSize, 1);
  await pool.close();
  assert.is(await late, 81);
  throws(() => pool.run(1), Error, /closed/);
  throws(() => new Executor(lview).run(1), TypeError, /no function/);
});

test.run();
