// gather and pull into memory of the caller's, and what happens to that memory when something goes wrong.
import { expectTypeOf } from 'expect-type';
import * as assert from 'uvu/assert';
import { transposed } from '../../kernels/matmul/transpose.ts';
import { claim, partLayout, ReceiveArea } from '../../src/client/calls/receiving/receive-area.ts';
import type { ReceiveBuffer } from '../../src/client/options.ts';
import { type PdotPlanOptions, pdot } from '../../src/client/pdot/pdot.ts';
import type { AsyncResult } from '../../src/client/results/async-result.ts';
import { AbortError, CompositeError, RemoteError, ShapeError, TimeoutError } from '../../src/errors.ts';
import { type Ref, ref } from '../../src/protocol/values/ref.ts';
import { range } from '../../src/tensor/convert.ts';
import type { DType } from '../../src/tensor/dtype.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import { rejects, throws } from '../support/assert.ts';
import { type Rig, startRig } from '../support/cluster.ts';
import { suite } from '../support/suite.ts';

const test = suite('cluster/receiving');
/** Elements of a value that is cut into several chunks. */
const LARGE = 3_000_001;
let rig: Rig;
test.before(async () => {
  rig = await startRig(3);
});
test.after(() => rig.stop());

const wave = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i % 1000);

const area = (into: ReceiveBuffer, count: number, sizes?: readonly number[]): ReceiveArea =>
  new ReceiveArea(into, { count, layout: partLayout(into), sizes });

test('without a hint parts are expected as scatter deals them; a hint that does not add up is none', () => {
  const into = new Float32Array(10);
  const offsets = (one: ReceiveArea, sizes: readonly number[]) => sizes.map((n, i) => one.place(i, n)?.byteOffset);
  assert.equal(offsets(area(into, 3), [16, 12, 12]), [0, 16, 28]);
  assert.equal(offsets(area(into, 3, [4, 32, 4]), [4, 32, 4]), [0, 4, 36]);
  assert.equal(offsets(area(into, 3, [4, 32, 8]), [16, 12, 12]), [0, 16, 28]);
  assert.equal(offsets(area(new Tensor('float32', [5, 2], into), 2), [24, 16]), [0, 24]);
  assert.is(area(into, 3).place(0, 12), undefined, 'another size');
  assert.is(area(new Float32Array(0), 3).place(0, 0), undefined);
});

test('parts at wrong places are moved, whatever lies between them', () => {
  for (const actual of [
    [1, 2, 3, 2],
    [3, 2, 2, 1],
    [2, 1, 2, 3],
    [0, 2, 2, 4],
    [4, 2, 2, 0],
  ]) {
    const into = new Int16Array(8);
    const one = area(into, 4);
    let next = 0;
    const parts = actual.map((length, i) => {
      const place = one.place(i, 2 * length);
      const part =
        place === undefined ? new Int16Array(length) : new Int16Array(place.buffer, place.byteOffset, length);
      return part.map((_, k) => part.set([next++], k) ?? 0) && part;
    });
    assert.is(one.fill(parts, [0, 1, 2, 3]), into);
    assert.equal([...into], range(8), String(actual));
  }
});

test('memory is reserved until the call ends; windows that only touch do not meet', () => {
  const whole = new Float32Array(8);
  const release = claim(whole.subarray(2, 4), 'gather');
  throws(() => claim(whole.subarray(3, 5), 'pull'), TypeError, /pull: another call writes into this memory/);
  claim(whole.subarray(4, 6), 'pull')();
  claim(whole.subarray(0, 2), 'pull')();
  release();
  release();
  claim(whole, 'pull')();
});

for (const n of [LARGE, 7, 2, 0]) {
  test(`gather of ${n} numbers gives the array that it was given`, async () => {
    const { v } = rig;
    const data = wave(n);
    await v.scatter('a', data);
    const into = new Float32Array(n);
    assert.is(await v.gather('a', { into }), into);
    assert.equal(into, data);
    await v.execute('b = a.map((x) => x + 1)');
    assert.is(await v.gather('b', { into }), into, 'a name that was never seen here');
    assert.equal(
      into,
      data.map((x) => x + 1),
    );
  });
}

const KINDS: readonly [DType, (n: number) => Tensor][] = (
  ['float64', 'float16', 'int8', 'uint16', 'bool', 'bfloat16'] as const
).map((dtype) => [dtype, (n) => new Tensor(dtype, [n, 3, 2])]);

for (const [dtype, make] of KINDS) {
  test(`rows of a Tensor of ${dtype}, by blocks and round robin, at an odd offset too`, async () => {
    const { v } = rig;
    for (const rows of [31, 60_001]) {
      const data = make(rows);
      for (let i = 0; i < data.size; i += 7) data.data[i] = i % 2;
      for (const dist of ['b', 'r'] as const) {
        await v.scatter('t', data, { dist });
        const larger = make(rows + 5);
        larger.data.fill(1);
        const into = larger.rows(3, rows + 3);
        assert.is(await v.gather('t', { into, dist }), into);
        assert.equal(into.data, data.data);
        assert.equal([...larger.rows(0, 3).data, ...larger.rows(rows + 3).data], new Array(30).fill(1));
      }
    }
  });
}

test('parts of any lengths, known to the client or not', async () => {
  const { v, rc } = rig;
  for (const unit of [1, 100_000]) {
    const lengths = [3, 0, 5].map((n) => n * unit);
    await v.apply((all: number[]) => {
      (globalThis as Record<string, unknown>)['odd'] = new Float64Array(all[engine.id] as number).fill(engine.id + 1);
    }, lengths);
    const into = new Float64Array(8 * unit);
    const wanted = lengths.flatMap((n, id) => new Array<number>(n).fill(id + 1));
    for (const _ of [1, 2]) {
      await v.gather('odd', { into });
      assert.equal([...into], wanted);
      into.fill(0);
    }
    assert.is(rc.ids.length, 3);
  }
});

declare const engine: { readonly id: number };

test('other memory: Buffers, BigInts, clamped bytes, shared memory, a window of each', async () => {
  const { v } = rig;
  const shared = new Uint32Array(new SharedArrayBuffer(4 * 90_000));
  const pairs: readonly [ReceiveBuffer, ReceiveBuffer][] = [
    [Uint8Array.from(range(200_000).map((x) => x % 251)), Buffer.alloc(200_000)],
    [Buffer.from('abcdefg'), new Uint8Array(7)],
    [BigInt64Array.from(range(50_000).map(BigInt)), new BigInt64Array(50_000)],
    [Uint8ClampedArray.of(1, 255, 3), new Uint8ClampedArray(3)],
    [Uint32Array.from(range(90_000)), shared],
    [Int16Array.from(range(70_001)), new Int16Array(70_004).subarray(1, 70_002)],
  ];
  for (const [data, into] of pairs) {
    await v.scatter('m', data);
    assert.is(await v.gather('m', { into }), into);
    assert.equal([...(into as Uint8Array)], [...(data as Uint8Array)]);
  }
});

test('pull into one array, and into one for each target', async () => {
  const { v, e0 } = rig;
  const data = wave(LARGE);
  await v.push({ p: data, s: new Tensor('float64', [], Float64Array.of(5)) });
  const one = new Float32Array(LARGE);
  assert.is(await e0.pull('p', { into: one }), one);
  assert.equal(one, data);
  const each = [1, 2, 3].map(() => new Float32Array(LARGE));
  const values = await v.pull(ref('p'), { into: each });
  assert.ok(values.every((value, i) => value === each[i]));
  for (const value of each) assert.equal(value, data);
  const scalar = new Tensor('float64', []);
  assert.is(await e0.pull('s', { into: scalar }), scalar);
  assert.is(scalar.data[0], 5);
  const rows = new Tensor('float32', [2, 2]);
  assert.is(await e0.pull('Promise.resolve(p.slice(0, 4))', { into: rows.data }), rows.data);
  assert.equal([...rows.data], [0, 1, 2, 3]);
});

test('the memory is written when the tasks have ended, not when the result is read', async () => {
  const { v, e0 } = rig;
  await v.scatter('w', [1, 2, 3]);
  await v.execute('w = Float32Array.from(w)');
  const into = new Float32Array(3);
  const result = v.gather('w', { into });
  await result.wait();
  assert.equal([...into], [1, 2, 3]);
  into.fill(9);
  assert.is(await result, into);
  assert.equal([...into], [9, 9, 9], 'reading it once more writes nothing');
  const pulled = e0.pull('w', { into: into.subarray(0, 1) });
  await pulled.wait();
  assert.is(into[0], 1);
  into[0] = 9;
  await pulled;
  assert.is(into[0], 9);
});

test('another kind, dtype or shape is refused by its engine, before the value travels', async () => {
  const { v, e0 } = rig;
  await v.scatter('r', new Tensor('int32', [600_000, 2]));
  const into = new Tensor('float32', [600_000, 2], new Float32Array(1_200_000).fill(7));
  const wrong: readonly [ReceiveBuffer, RegExp][] = [
    [into, /TypeError: the value of 'r' is a Tensor int32\[200000,2\], and into takes a Tensor float32\[\*,2\]/],
    [into.data, /TypeError: .* into takes a Float32Array\[\*\]/],
    [new Tensor('int32', [400_000, 3]), /ShapeError: .* into takes a Tensor int32\[\*,3\]/],
    [new Tensor('int32', [1_200_000]), /ShapeError/],
  ];
  for (const [memory, says] of wrong) {
    const result = v.gather('r', { into: memory });
    const error = await rejects(() => result, CompositeError, says);
    assert.is(error.errors.length, 3);
    assert.ok(result.tasks.every(({ bytes }) => bytes === 0));
  }
  assert.ok(
    into.data.every((x) => x === 7),
    'untouched',
  );
  await rejects(() => v.gather('r', { into: new Tensor('int32', [600_001, 2]) }), ShapeError, /200000 \+ 200000/);
  await rejects(() => e0.pull('r', { into: new Tensor('int32', [200_001, 2]) }), RemoteError, /ShapeError/);
  await rejects(
    () => e0.pull('[1, 2]', { into: new Float32Array(2) }),
    RemoteError,
    /neither a Tensor nor a typed array/,
  );
  await rejects(() => e0.pull('nope', { into: new Float32Array(2) }), RemoteError, /ReferenceError/);
  const free = new Tensor('int32', [600_000, 2]);
  assert.is(await v.gather('r', { into: free }), free);
});

test('memory that fits no call is refused before anything is sent', async () => {
  const { v, e0 } = rig;
  const gone = new Float32Array(4);
  structuredClone(gone, { transfer: [gone.buffer] });
  const lost = new Tensor('float32', [4]);
  structuredClone(lost.data, { transfer: [lost.data.buffer as ArrayBuffer] });
  throws(() => v.gather('x', { into: gone }), TypeError, /whose buffer is here/);
  throws(() => v.gather('x', { into: lost }), TypeError, /whose buffer is here/);
  throws(() => e0.pull('x', { into: gone }), TypeError, /whose buffer is here/);
  throws(() => v.gather('x', { into: new Tensor('float32', []) }), TypeError, /scalar/);
  const two = [new Float32Array(1), new Float32Array(1)];
  throws(() => v.pull('x', { into: two }), TypeError, /2 buffers for 3 targets/);
  throws(() => v.pull('x', { into: two[0] as Float32Array }), TypeError, /give a list/);
  throws(() => e0.pull('x', { into: two }), TypeError, /give its buffer alone/);
  throws(() => e0.pull(['x', 'y'] as never, { into: two } as never), TypeError, /one name/);
  const same = new Float32Array(2);
  throws(() => v.pull('x', { into: [same, new Float32Array(2), same] }), TypeError, /another call writes/);
  await v.push({ x: Float32Array.of(1, 2) });
  const [a, b] = [new Float32Array(2), new Float32Array(2)];
  await v.pull('x', { into: [same, a, b] });
  assert.equal([...same, ...a, ...b], [1, 2, 1, 2, 1, 2]);
});

test('two calls at once never share memory; one after the other they may', async () => {
  const { v, e0 } = rig;
  await v.scatter('z', wave(3000));
  const into = new Float32Array(3000);
  const first = v.gather('z', { into });
  throws(() => v.gather('z', { into: into.subarray(2999) }), TypeError, /another call writes/);
  throws(
    () => e0.pull('z', { into: new Tensor('float32', [1000], into.subarray(0, 1000)) }),
    TypeError,
    /another call/,
  );
  await rejects(
    () => pdot(v, [[1]], [[1]], { dtype: 'float32', out: new Tensor('float32', [1, 1], into.subarray(5, 6)) }),
    TypeError,
    /another call/,
  );
  await first;
  await v.gather('z', { into });
  await rejects(() => v.gather('nope', { into }), CompositeError);
  await v.gather('z', { into });
  assert.equal(into, wave(3000));
});

test('memory that is transferred away while values come fails its call alone', async () => {
  const { v } = rig;
  await v.scatter('d', wave(LARGE));
  const into = new Float32Array(LARGE);
  const result = v.gather('d', { into });
  const other = v.gather<Float32Array>('d');
  setImmediate(() => structuredClone(into, { transfer: [into.buffer] }));
  await rejects(() => result, Error, /transferred|detached|cannot be read/);
  assert.equal(await other, wave(LARGE));
  assert.equal(await v.gather('d'), wave(LARGE), 'its links live');
});

test('after a wait that ended early the memory belongs to the call until its tasks have ended', async () => {
  const { v } = rig;
  const into = new Float32Array(3);
  const limited = [
    [{ timeout: 0 }, TimeoutError],
    [{ signal: AbortSignal.abort() }, AbortError],
  ] as const;
  for (const [limits, kind] of limited) {
    await v.scatter('e', Float32Array.of(1, 2, 3));
    const blocking = v.apply(async () => {
      await new Promise((resolve) => setTimeout(resolve, 500));
    });
    const result = v.gather('e', { into, ...limits });
    await rejects(() => result, kind);
    if (!result.ready) throws(() => v.gather('e', { into }), TypeError, /another call/);
    await result.wait();
    await blocking;
    assert.is(await v.gather('e', { into }), into);
    assert.equal([...into], [1, 2, 3]);
    into.fill(0);
  }
});

test('a product into memory of the caller, by rows, in a grid, of batches and of vectors', async () => {
  const { v } = rig;
  const [a, b] = [new Tensor('float32', [60, 50]), new Tensor('float32', [50, 40])];
  for (const { data } of [a, b]) for (let i = 0; i < data.length; i++) data[i] = i % 7;
  const cases: readonly [Tensor, Tensor, object][] = [
    [a, b, { plan: 'rows' }],
    [a, b, { plan: 'grid' }],
    [a, b, { plan: 'ring' }],
    [a.reshape([3, 20, 50]), b, {}],
    [new Tensor('float32', [50], a.data.slice(0, 50)), new Tensor('float32', [50], b.data.slice(0, 50)), {}],
  ];
  for (const [x, y, options] of cases) {
    const wanted = await pdot(v, x, y, options);
    const out = new Tensor('float32', wanted.shape);
    assert.is(await pdot(v, x, y, { ...options, out }), out);
    assert.equal(out.data, wanted.data);
    assert.is(await pdot(v, x, y, { ...options, out }), out, 'once more');
  }
  await v.scatter('A', a);
  await v.push({ B: b });
  const out = new Tensor('float32', [60, 40]);
  assert.is(await pdot(v, ref('A'), ref('B'), { out }), out);
  assert.equal(out.data, (await pdot(v, a, b)).data);
});

test('a product into memory of the caller, by each plan: transposed operands, and operands on the engines', async () => {
  const { v } = rig;
  const counted = (shape: readonly [number, number], step: number) =>
    new Tensor(
      'int32',
      shape,
      Int32Array.from({ length: shape[0] * shape[1] }, (_, i) => (i * step) % 11),
    );
  // Wide, so that a grid has columns, and blocks of C are put together.
  const [a, b] = [counted([12, 30], 3), counted([30, 600], 5)];
  const [turnedA, turnedB] = [transposed(a), transposed(b)];
  const wanted = await pdot(v, a, b, { plan: 'rows' });
  const out = new Tensor('int32', [12, 600]);
  const into = async (x: Tensor | Ref, y: Tensor | Ref, options: PdotPlanOptions) => {
    out.data.fill(-1);
    const plan = await pdot.plan(v, x, y, options);
    assert.is(await pdot(v, x, y, { plan, out }), out);
    assert.equal(out.data, wanted.data, JSON.stringify(options));
    return plan.panels[1];
  };
  const across: number[] = [];
  for (const plan of ['rows', 'grid', 'ring', 'summa'] as const) {
    for (const [transposeA, transposeB] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      if (plan === 'ring' && transposeB) continue;
      const made = await into(transposeA ? turnedA : a, transposeB ? turnedB : b, { plan, transposeA, transposeB });
      across.push(made);
    }
  }
  assert.ok(across.filter((columns) => columns > 1).length >= 8, String(across));
  await Promise.all([v.scatter('A', a), v.scatter('B', b), v.push({ W: b })]);
  await into(ref('A'), ref('B'), { plan: 'ring' });
  await into(ref('A'), ref('B'), { plan: 'summa' });
  await into(a, ref('B'), { plan: 'summa' });
  await into(ref('A'), b, { plan: 'ring' });
  await into(ref('A'), ref('W'), { plan: 'rows' });
  await into(turnedA, ref('B'), { plan: 'ring', transposeA: true });
});

test('a product refuses memory of another shape or dtype, or of an operand, and frees it then', async () => {
  const { v } = rig;
  const [a, b] = [new Tensor('float32', [4, 4]), new Tensor('float32', [4, 4])];
  const out = new Tensor('float32', [4, 4]);
  const wrong = (memory: Tensor, kind: typeof TypeError | typeof ShapeError, says: RegExp) =>
    rejects(() => pdot(v, a, b, { out: memory }), kind, says);
  await wrong(new Tensor('float64', [4, 4]), TypeError, /C is float32\[4,4\], and out is float64\[4,4\]/);
  await wrong(new Tensor('float32', [16]), ShapeError, /out is float32\[16\]/);
  await wrong(a, TypeError, /shares memory with A/);
  await wrong(b.reshape([4, 4]), TypeError, /shares memory with B/);
  await rejects(() => pdot(v, a, b, { out, into: 'C' } as never), TypeError, /give one of them/);
  await rejects(() => pdot(v, ref('nope'), b, { out }), Error);
  await rejects(() => pdot(v, a, ref('nope'), { out }), Error);
  await rejects(() => pdot(v, a, b, { out, signal: AbortSignal.abort() }), AbortError);
  await v.wait();
  assert.is(await pdot(v, a, b, { out }), out);
});

// Never called: the compiler reads it.
function contract(): void {
  const { v, e0 } = rig;
  const into = new Float64Array(1);
  expectTypeOf(v.gather('a', { into })).toEqualTypeOf<AsyncResult<Float64Array<ArrayBuffer>, unknown, 'many'>>();
  expectTypeOf(v.gather<number[]>('a')).toEqualTypeOf<AsyncResult<number[], unknown, 'many'>>();
  expectTypeOf(e0.pull('a', { into: new Tensor('int8', [1]) })).toEqualTypeOf<AsyncResult<Tensor, Tensor, 'one'>>();
  expectTypeOf(v.pull('a', { into: [into] })).toEqualTypeOf<
    AsyncResult<Float64Array<ArrayBuffer>[], Float64Array<ArrayBuffer>, 'many'>
  >();
  // @ts-expect-error not memory for values
  v.gather('a', { into: [1] });
}
void contract;

test.run();
