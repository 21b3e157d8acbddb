// The calls that the function of combineKernels makes, as they travel.
import * as assert from 'uvu/assert';
import { KernelSignature } from '../../../../../src/client/calls/kernels/kernel-arguments.ts';
import { openRecording, recorded } from '../../../../../src/client/calls/kernels/recording.ts';
import { ref } from '../../../../../src/protocol/values/ref.ts';
import { Tensor } from '../../../../../src/tensor/tensor.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('client/calls/kernels/recording');

const two = new KernelSignature([
  { name: 'a', initial: undefined },
  { name: 'k', initial: '2' },
]);
const add = (...args: unknown[]) => openRecording()?.add('id', two, args);

test('steps link to values and to earlier steps; an array that several take travels once', () => {
  const array = [1, 2];
  const { steps, values, result } = recorded(() => {
    const first = add(array, 3);
    add(first, array);
    return add(array, first);
  });
  assert.is(result, 2);
  assert.equal(
    steps.map(({ args }) => args),
    [
      [{ value: 0 }, { value: 1 }],
      [{ step: 0 }, { value: 0 }],
      [{ value: 0 }, { step: 0 }],
    ],
  );
  assert.equal(values, [new Tensor('float32', [2], Float32Array.of(1, 2)), 3]);
});

test('default values are values; equal numbers and refs are not shared', () => {
  const { steps, values } = recorded(() => {
    add(5);
    return add(ref('x'), 5);
  });
  assert.equal(
    steps.map(({ args }) => args),
    [
      [{ value: 0 }, { value: 1 }],
      [{ value: 2 }, { value: 3 }],
    ],
  );
  assert.equal([values[0], values[1], values[3]], [5, 2, 5]);
});

test('the recording ends with its function, also with one that throws', () => {
  assert.is(openRecording(), undefined);
  assert.throws(
    () =>
      recorded(() => {
        throw new Error('mine');
      }),
    /mine/,
  );
  assert.is(openRecording(), undefined);
  assert.throws(() => recorded(() => undefined), /returns, at once, the result of a kernel/);
});

test('combinations nest', () => {
  let inner: unknown;
  recorded(() => {
    const outer = add(1);
    assert.throws(() => recorded(() => add(outer)), /ends with its call/);
    inner = recorded(() => add(7)).values;
    return outer;
  });
  assert.equal(inner, [7, 2]);
});

test.run();
