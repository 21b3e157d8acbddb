// The gradients of the cpu context, with which the table of tf (docs/tf.md) compares the others, against finite differences.
import type * as tfcore from '@tensorflow/tfjs-core';
import * as assert from 'uvu/assert';
import { type Use, usesOf } from '../../../../bench/tf-ops/uses.ts';
import { importTfjs } from '../../../../engines/contexts/tfjs.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('engines/contexts/tf-gradients');

const STEP = 2 ** -6;
/** They jump or have a corner at the numbers of their uses, or are given a slope by convention. */
const WITHOUT_SLOPE = /of (?:ceil|floor|round|floorDiv|mod|cast|clipByValue|matMul of int32|losses\.hingeLoss)$/;

type Tfjs = Awaited<ReturnType<typeof importTfjs>>;
type Scalar = (x: tfcore.Tensor) => tfcore.Tensor;

/** As tf.grad, by differences. */
function byDifferences(tf: Tfjs): (fn: Scalar) => (x: tfcore.Tensor) => tfcore.Tensor {
  return (fn) => (x) => {
    const at = (i: number, step: number) => {
      const values = Float32Array.from(x.dataSync());
      values[i]! += step;
      return tf.tidy(() => fn(tf.tensor(values, x.shape))).dataSync()[0] as number;
    };
    return tf.tensor(
      Array.from({ length: x.size }, (_, i) => (at(i, STEP) - at(i, -STEP)) / (2 * STEP)),
      x.shape,
    );
  };
}

/** Runs the text of a use. Each element of its result counts differently. */
async function run({ code }: Use, tf: Tfjs): Promise<number[]> {
  const weights = 'Float32Array.from({ length: t.size }, (_, at) => (at % 5) + 1)';
  const weighted = code.replace('tf.sum(t)', `tf.sum(tf.mul(tf.cast(t, 'float32'), tf.tensor(${weights}, t.shape)))`);
  assert.not.equal(weighted, code);
  const made = new Function('tf', weighted)(tf) as tfcore.Tensor;
  return Array.from(made.dataSync());
}

test('each gradient is the slope of its function', async () => {
  const tf = await importTfjs();
  await tf.setBackend('cpu');
  const measured = new Proxy(tf, {
    get: (own, name) => (name === 'grad' ? byDifferences(tf) : Reflect.get(own, name)),
  });
  const bad: string[] = [];
  let count = 0;
  for (const use of usesOf().filter(({ isGradient, name }) => isGradient && !WITHOUT_SLOPE.test(name))) {
    // Some functions have no gradient in tfjs.
    const given = await run(use, tf).catch(() => undefined);
    if (given === undefined) continue;
    count += 1;
    const slopes = await run(use, measured);
    const off = given.findIndex((x, i) => !(Math.abs(x - slopes[i]!) <= 0.03 * (1 + Math.abs(slopes[i]!))));
    if (off >= 0) bad.push(`${use.name}: element ${off} is ${given[off]}, not ${slopes[off]}`);
  }
  assert.equal(bad, []);
  assert.ok(count > 140, `${count} gradients`);
});

test.run();
