// Results on the device and tf.Tensors go wherever numbers go: between engines, into lists, out of map.
import * as assert from 'uvu/assert';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

declare const tf: typeof import('@tensorflow/tfjs');
declare const engine: {
  readonly rank: number;
  send(rank: number, tag: string, value: unknown): Promise<void>;
  recv(rank: number, tag: string): Promise<unknown>;
  broadcast(value: unknown): Promise<unknown>;
  scatter(values: unknown): Promise<unknown>;
  allGather(value: unknown): Promise<unknown[]>;
  allReduce(value: unknown): Promise<unknown>;
  publish(value: unknown): void | Promise<void>;
};

const values = (value: unknown): unknown => {
  assert.instance(value, Tensor);
  const { dtype, shape, data } = value as Tensor;
  return [dtype, [...shape], [...data]];
};
const C = ['float32', [2, 2], [4, 4, 4, 4]];

export function travelCases(test: Suite, rig: () => Rig): void {
  // A result on the device of every engine, under the name C.
  const resident = async () => {
    const { v } = rig();
    const ones = new Tensor('float32', [2, 2], new Float32Array(4).fill(1));
    await v.push({ one: ones, two: new Tensor('float32', [2, 2], new Float32Array(4).fill(2)) });
    for (const id of v.ids) await pdot(rig().rc[id] as Rig['e0'], ref('one'), ref('two'), { into: 'C' });
  };
  test('send, broadcast, scatter, allGather, allReduce and publish', async () => {
    const { v } = rig();
    await resident();
    for (const made of ['C', 'tf.ones([2, 2]).mul(4)']) {
      await v.execute(`D = ${made}`);
      const sent = await v.apply(async (d) => {
        await engine.send(1 - engine.rank, 't', d);
        return engine.recv(1 - engine.rank, 't');
      }, ref('D'));
      assert.equal((sent as unknown[]).map(values), [C, C], made);
      const cast = await v.apply(async (d) => engine.broadcast({ list: [d] }), ref('D'));
      for (const one of cast as { list: unknown[] }[]) assert.equal(one.list.map(values), [C]);
      const parts = await v.apply(async (d) => engine.scatter([d, d]), ref('D'));
      assert.equal((parts as unknown[]).map(values), [C, C]);
      const all = await v.apply(async (d) => engine.allGather(d), ref('D'));
      for (const list of all as unknown[][]) assert.equal(list.map(values), [C, C]);
      const sums = await v.apply(async (d) => engine.allReduce(d), ref('D'));
      assert.equal((sums as unknown[]).map(values), Array(2).fill(['float32', [2, 2], [8, 8, 8, 8]]));
      const published = v.apply(async (d) => engine.publish({ d }), ref('D'));
      await published;
      const data = published.data as readonly { readonly d?: unknown }[];
      assert.equal(
        data.map(({ d }) => values(d)),
        [C, C],
      );
    }
    await v.clear();
  });
  test('what a synchronous function publishes arrives, whatever it returns', async () => {
    const { v } = rig();
    await resident();
    const published = v.apply((c) => {
      void engine.publish({ c, list: [tf.ones([2, 2]).mul(4)] });
      return 5;
    }, ref('C'));
    assert.equal(await published, [5, 5]);
    for (const { c, list } of published.data as readonly { c?: unknown; list?: unknown[] }[]) {
      assert.equal([c, list?.[0]].map(values), [C, C]);
    }
    await v.clear();
  });
  test('items of map, balanced or not, and nested containers', async () => {
    const { v, rc } = rig();
    await resident();
    const squares = ['float32', [2], [9, 9]];
    const square = (n: number) => tf.fill([2], n).square() as unknown;
    assert.equal((await v.map(square, [3, 3, 3])).map(values), [squares, squares, squares]);
    assert.equal((await rc.loadBalanced().map(square, [3, 3])).map(values), [squares, squares]);
    const nested = (c: unknown) => {
      const shared = tf.ones([1]);
      return { list: [c, [shared]], map: new Map<unknown, unknown>([['k', c]]), set: new Set<unknown>([c]), shared };
    };
    for (const all of (await v.apply(nested, ref('C'))) as ReturnType<typeof nested>[]) {
      assert.equal(values(all.list[0]), C);
      assert.is((all.list[1] as unknown[])[0], all.shared);
      assert.equal(values(all.map.get('k')), C);
      assert.equal([...all.set].map(values), [C]);
    }
    assert.equal(
      ((await v.pull('[C, { c: C }]')) as [unknown, { c: unknown }][]).map(([c, o]) => [values(c), values(o.c)]),
      [
        [C, C],
        [C, C],
      ],
    );
    await v.clear();
  });
}
