// 1,000 mixed operations end at the counts of the start: buffers, tensors, names; the process does not grow.
import * as assert from 'uvu/assert';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';
import { seeded } from './random-sequence.ts';

declare const tf: typeof import('@tensorflow/tfjs');

const OPERATIONS = 1000;
const WARM = 400;
/** The second part of the run may add so much to the process: V8 and malloc keep what they have had. */
const GROWTH = 1.2;
const NAMES = ['A', 'B', 'C', 'D'] as const;

const matrix = (value: number): Tensor => new Tensor('float32', [16, 16], new Float32Array(256).fill(value));

export function soakCases(test: Suite, rig: () => Rig): void {
  test(`${OPERATIONS} mixed operations leave nothing behind`, async () => {
    const { e0 } = rig();
    const random = seeded(11);
    const name = () => NAMES[random(NAMES.length)] as string;
    const double = await e0.kernel(
      function (this: { thread: { x: number } }, x: number[]) {
        return x[this.thread.x]! * 2;
      },
      { output: [64] },
    );
    const steps: readonly (() => PromiseLike<unknown>)[] = [
      () => e0.push({ [name()]: matrix(random(9)) }),
      () => e0.push({ [name()]: new Float32Array(64).fill(1) }),
      () => pdot(e0, matrix(1), matrix(2), { into: name() }),
      () => double.into(name())(new Float32Array(64)),
      () => e0.apply(() => tf.ones([8, 8])),
      () => e0.apply(() => void tf.ones([8]).add(1).mul(2)),
      () => e0.map((n) => tf.fill([4], n) as unknown, [1, 2]),
      () => e0.execute(`${name()} = tf.ones([8])`),
      () => e0.execute(`${name()} = 5`),
      () =>
        e0
          .execute(`typeof ${name()} === 'undefined' ? 0 : (L = [${name()}, L?.[0]].flat().slice(0, 2)); 0`)
          .catch(() => {}),
      () => e0.execute(`delete globalThis.${name()}`),
      () => e0.pull(name()).catch(() => {}),
      () => e0.apply((x) => (x === undefined ? 0 : 1), ref(`globalThis.${name()}`)),
    ];
    await e0.execute('var L = []; 0');
    const run = async (count: number) => {
      for (let i = 0; i < count; i++) await steps[random(steps.length)]?.();
    };
    const counts = async () => {
      await e0.clear();
      const { device, names, rss } = await e0.memory();
      return { device, names, tensors: await e0.apply(() => tf.memory().numTensors), rss };
    };
    await run(50);
    const before = await counts();
    await run(WARM);
    const warm = await counts();
    await run(OPERATIONS - WARM);
    const after = await counts();
    for (const { device, names, tensors } of [warm, after]) {
      assert.equal([device, names, tensors], [before.device, before.names, before.tensors]);
    }
    assert.ok(after.rss < warm.rss * GROWTH, `${warm.rss} bytes became ${after.rss}`);
    await double.destroy();
  });
}
