// Tensors of a lost device: code that does not use them runs; code that does is told which they are.
import * as assert from 'uvu/assert';
import type { DeviceTensor, GpuContext, Tfjs } from '../../../../engines/contexts/context.ts';
import { Bridge } from '../../../../engines/device/bridge.ts';
import type { LazyContext } from '../../../../engines/device/lazy-context.ts';
import { ContextError } from '../../../../src/errors.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('bridge');

function handle(): DeviceTensor {
  return {
    dtype: 'float32',
    shape: [2, 3],
    byteLength: 24,
    device: 'webgpu',
    toHost: () => Promise.reject(new Error('not read here')),
    free: () => {},
  } as unknown as DeviceTensor;
}

test('a lost tensor fails the code that uses it, by its name, and no other', async () => {
  const [good, lost] = [handle(), handle()];
  const made = { dispose: () => {} };
  const context = {
    toTF: async (tensor: DeviceTensor) => {
      if (tensor === lost) throw new ContextError('the GPU device was lost (gone): its tensors are gone');
      return made;
    },
  } as unknown as GpuContext;
  const bridge = new Bridge({ opened: context } as LazyContext, (value) => (value === lost ? 'A' : undefined));
  const tf = bridge.forTF({ square: (x: unknown) => x } as unknown as Tfjs) as unknown as {
    square(x: unknown): unknown;
  };
  await bridge.prepare(() => [good, lost]);
  assert.is(tf.square(good), made);
  throws(() => tf.square(lost), ContextError, /^'A', float32\[2,3\] cannot be used: the GPU device was lost/);
  bridge.release();
});

test.run();
