// Cases 22 to 35, 37 and 39 of the semantics page: what a DirectView does.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { CompositeError, NoEnginesRegistered, RemoteError, TaskAborted } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { range } from '../../../src/tensor/convert.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { rejects, throws } from '../assert.ts';
import type { Rig } from '../cluster.ts';
import { inPairs } from '../in-pairs.ts';
import type { Suite } from '../suite.ts';

declare const a: number;

const FOUR = [0, 1, 2, 3];

export function directCases(test: Suite, rig: () => Rig): void {
  test('case 22: errors of a composite say engine and method', async () => {
    const { v, rc } = rig();
    const bad = () => {
      throw new Error('x');
    };
    const applied = await rejects(() => v.apply(bad), CompositeError);
    assert.equal(
      applied.elist.map((e) => e[3]?.engineId),
      rc.ids,
    );
    assert.equal(
      applied.elist.map((e) => e[3]?.method),
      FOUR.map(() => 'apply'),
    );
    const executed = await rejects(() => v.execute('throw new Error("y")'), CompositeError);
    assert.equal(
      executed.elist.map((e) => e[3]?.method),
      FOUR.map(() => 'execute'),
    );
  });

  test('case 23: nested data pushed comes back equal, awaited or not', async () => {
    const { v, e0 } = rig();
    const data = { n: [1, { s: 'x', d: new Date(5), m: new Map([[1, new Set([2])]]) }], u: undefined, z: -0 };
    await v.push({ data });
    assert.equal(
      await v.pull('data'),
      FOUR.map(() => data),
    );
    e0.push({ other: data });
    assert.equal(await e0.pull('other'), data);
  });

  test('case 24: a pushed function is called remotely and pulled back as a function', async () => {
    const { v, e0 } = rig();
    await v.push({ sq: (x: number) => x * x });
    await v.execute('r = sq(7)');
    assert.equal(await v.pull('r'), [49, 49, 49, 49]);
    const back = (await e0.pull('sq')) as (x: number) => number;
    assert.is(back(3), 9);
  });

  test('case 25: a pushed function sees engine globals', async () => {
    const { e0 } = rig();
    await e0.clear(['a']);
    await e0.push({ fa: () => a + 1 });
    await rejects(() => e0.apply(ref('fa') as unknown as () => number), RemoteError, /a is not defined/);
    await e0.push({ a: 5 });
    assert.is(await e0.apply(ref('fa') as unknown as () => number), 6);
  });

  test('case 26: run executes a file whose last line has no break', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'directview-run-'));
    try {
      await writeFile(join(dir, 'last.js'), 'const ran = 1 + 1;\nran2 = ran + 1 // no break');
      await rig().v.run(join(dir, 'last.js'));
      assert.equal(
        await rig().v.pull(['ran', 'ran2']),
        FOUR.map(() => [2, 3]),
      );
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  test('case 27: references, plain, as expression, as function, in map, nested', async () => {
    const { v, e0 } = rig();
    await v.push({ g: [1, 2], double: (x: number) => 2 * x });
    const echo = (x: unknown) => x;
    assert.equal(await v.apply(echo, ref('g[1]')), [2, 2, 2, 2]);
    assert.equal(
      await v.apply(echo, [ref('g')]),
      FOUR.map(() => [[1, 2]]),
    );
    assert.equal(
      await v.apply(echo, { deep: [{ g: ref('g') }] }),
      FOUR.map(() => ({ deep: [{ g: [1, 2] }] })),
    );
    assert.is(await e0.apply(ref('double'), 21), 42);
    assert.equal(await v.map(ref('double'), range(5)), [0, 2, 4, 6, 8]);
    await rejects(() => e0.apply(echo, ref('nope')), RemoteError, /nope is not defined/);
    await rejects(() => v.apply(echo, ref('nope')), CompositeError, /\[3:apply\]ReferenceError: nope is not defined/);
  });

  test('case 28: scatter then gather is the identity; gather of a missing name is a remote error', async () => {
    const { v } = rig();
    await v.scatter('s', range(16));
    assert.equal(await v.gather('s'), range(16));
    await rejects(
      () => v.gather('missing_name'),
      CompositeError,
      /raised in: gather[\s\S]*missing_name is not defined/,
    );
  });

  test('case 29: typed arrays scatter and gather, on all, without awaiting in between', async () => {
    const { rc } = rig();
    const x = Float64Array.from(range(64));
    const all = rc.view('all');
    all.scatter('x', x);
    assert.equal(await all.gather('x'), x);
  });

  test('case 30: 100×100 arrays echo equal in value, shape and dtype', async () => {
    for (const dtype of ['int32', 'uint8', 'float32', 'float64'] as const) {
      const t = new Tensor(dtype, [100, 100]);
      for (let i = 0; i < t.size; i++) t.data[i] = i % 251;
      const back = await rig().e0.apply((x: unknown) => x, t);
      assert.ok(back instanceof Tensor && back.equals(t), dtype);
    }
  });

  test('case 31: map over a prime count, an iterator, a typed array, nothing', async () => {
    const { v } = rig();
    const triple = (x: number) => 3 * x;
    const expected = range(101).map(triple);
    assert.equal(await v.map(triple, range(101)), expected);
    assert.equal(await v.map(triple, range(101)[Symbol.iterator]()), expected);
    assert.equal(await v.map(triple, Float64Array.from(range(101))), expected);
    const none = v.map(triple, []);
    assert.equal(await none, []);
    assert.is(none.msgIds.length, 0);
    assert.equal(await v.map((x: number, y: number) => [x, y], range(1, 8), [10, 20, 30]), [
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    assert.equal(await v.map((s: string) => s.toUpperCase(), 'hello'), ['H', 'E', 'L', 'L', 'O']);
    assert.equal(v.map(triple, range(3)).msgIds.length, 3);
    // @ts-expect-error the compiler refuses it, too
    throws(() => v.map(triple), TypeError, /at least one sequence/);
  });

  test('map with two items under way at once: order kept, errors in their places, never three', async () => {
    const { v } = rig();
    assert.equal(await v.map(inPairs, range(16), { concurrency: 2 }), range(16));
    const failing = v.map(
      (i: number) => {
        if (i % 2 === 1) throw new RangeError(`odd ${i}`);
        return i;
      },
      range(8),
      { concurrency: 3 },
    );
    const error = await rejects(() => failing, CompositeError, /odd/);
    assert.equal(
      (error as CompositeError).errors.map(({ message }) => /odd \d/.exec(message)?.[0]),
      ['odd 1', 'odd 3', 'odd 5', 'odd 7'],
    );
    throws(() => v.map(inPairs, range(2), { concurrency: 0 }), TypeError, /concurrency is a whole number ≥ 1/);
  });

  test('case 32: execute silent and not', async () => {
    const { e0 } = rig();
    const silent = await e0.execute('2 + 3');
    assert.is(silent.executeResult, null);
    assert.is(silent.executionCount, 0);
    const loud = await e0.execute('2 + 3', { silent: false });
    assert.is(loud.executeResult?.['text/plain'], '5');
    assert.ok(loud.executionCount >= 1);
  });

  test('case 33: abort right after ten sleeps leaves the late ones aborted', async () => {
    const { e0, rc } = rig();
    const nap = () => new Promise((resolve) => setTimeout(resolve, 250));
    const naps = range(10).map(() => e0.apply(nap));
    await rc.abort(naps as never);
    const ends = await Promise.all(
      naps.map((ar) =>
        ar.get().then(
          () => 'done',
          (e: unknown) => e,
        ),
      ),
    );
    for (const end of ends.slice(5)) assert.instance(end, TaskAborted);
    for (const end of ends.slice(0, 5)) assert.ok(end === 'done' || end instanceof TaskAborted);
  });

  test('case 34: per-call options do not stick; unknown ones are named', async () => {
    const { v } = rig();
    assert.is(await v.pull('1+1', { targets: 0, label: 'once' }), 2 as never);
    assert.equal(await v.pull('1+1'), [2, 2, 2, 2]);
    throws(() => v.pull('1', { targest: 0 } as never), TypeError, /unknown option 'targest'/);
  });

  test('case 35: nested names can be set and read', async () => {
    const { v } = rig();
    await v.push({ obj: { b: 1 } });
    await v.push({ 'obj.b': 7 });
    assert.equal(await v.pull('obj.b'), [7, 7, 7, 7]);
  });

  test('case 37: the indexing table; ids is a copy', async () => {
    const { rc } = rig();
    const targets = (key: string) => rc.view(key).targets;
    assert.equal([':', '2:4', '::2', '1::3', ':-3'].map(targets), [FOUR, [2, 3], [0, 2], [1], [0]]);
    assert.is(rc[-1]?.targets, 3);
    assert.is(rc[null as never], undefined);
    for (const key of [null as never, 'x', 1.5]) throws(() => rc.view(key), TypeError, /key by int\/slice/);
    for (const key of ['1.5', '1:x', '0,x']) throws(() => rc[key as never], TypeError, /key by int\/slice/);
    assert.is((rc as { foo?: () => void }).foo?.(), undefined);
    assert.is((rc['all' as never] as Rig['v']).targets, 'all');
    throws(() => rc[99], RangeError, /No such engine: 99/);
    rc.ids.pop();
    assert.equal(rc.ids, FOUR);
    await rejects(async () => rc.view('5:').apply(() => 1), NoEnginesRegistered, /<DirectView \[\]>/);
  });

  test('case 39: clear one engine, then all', async () => {
    const { v, e0 } = rig();
    await v.push({ gone: 1 });
    await e0.clear();
    await rejects(() => e0.pull('gone'), RemoteError, /gone is not defined/);
    assert.equal(await v.pull('typeof gone'), ['undefined', 'number', 'number', 'number']);
    await v.clear();
    assert.equal(
      await v.pull('typeof gone'),
      FOUR.map(() => 'undefined'),
    );
  });

  test('push and pull: B6 of the semantics page', async () => {
    const { v, e0 } = rig();
    assert.equal(
      await v.push({ a: 1.03234, b: 3453 }),
      FOUR.map(() => undefined),
    );
    assert.is(await e0.push({ a: 1.03234 }), undefined);
    assert.equal(
      await v.pull('a'),
      FOUR.map(() => 1.03234),
    );
    assert.equal(
      await v.pull('a+b'),
      FOUR.map(() => 3454.03234),
    );
    assert.equal(
      await v.pull(['a', 'b']),
      FOUR.map(() => [1.03234, 3453]),
    );
    assert.equal(await e0.pull(['b', 'a']), [3453, 1.03234]);
    assert.equal(
      await v.pull([]),
      FOUR.map(() => []),
    );
    throws(() => v.pull(5 as never), TypeError);
    throws(() => v.push([1] as never), TypeError);
    throws(() => v.push({ 'not a name': 1 }), TypeError);
    await rejects(() => v.pull('nope'), CompositeError, /\[0:pull\]ReferenceError: nope is not defined/);
  });
}
