// A tensor on a device prints itself, and says how to read it wherever code wants its values.
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { HostTensor } from '../../../../engines/contexts/host/host-tensor.ts';
import { Ledger } from '../../../../engines/contexts/ledger.ts';
import { GpuTensor } from '../../../../engines/contexts/webgpu/gpu-tensor.ts';
import { isDeviceTensor } from '../../../../engines/device/residency.ts';
import { sum } from '../../../../engines/globals/globals.ts';
import { sizeInBytes } from '../../../../engines/user-code/sizes.ts';
import { plain } from '../../../../src/protocol/mime-bundle.ts';
import { isTFTensor, tensor } from '../../../../src/tensor/convert.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { throws } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('engines/contexts/resident-handle');

const generation = { ledger: new Ledger() } as unknown as ConstructorParameters<typeof GpuTensor>[0];
const numbers = tensor(
  [
    [1, 2],
    [3, 4],
  ],
  { dtype: 'float32' },
);

/** One of each class, with the device that its text names. */
const HANDLES: readonly [device: string, handle: object][] = [
  ['wasm', new HostTensor(new Ledger(), 'wasm', numbers)],
  ['webgpu', new GpuTensor(generation, 'float32', [2, 2], undefined)],
];

for (const [device, handle] of HANDLES) {
  const text = `float32[2×2] on the device (${device}): await x.toHost()`;
  // User code has no types.
  const x = handle as never;

  test(`${device}: console.log, String and notebooks show what it is`, () => {
    assert.equal([inspect(handle), String(handle), `${x}`, plain(handle)], [text, text, text, text]);
    const display = Reflect.get(handle, Symbol.for('Jupyter.display')) as () => unknown;
    assert.equal(display.call(handle), { 'text/plain': text });
  });

  test(`${device}: its values are asked for in vain, with the way to them`, () => {
    const uses: Record<string, () => unknown> = {
      data: () => (x as Tensor).data,
      at: () => (x as Tensor).at(0),
      toNested: () => (x as Tensor).toNested(),
      length: () => (x as Tensor).length,
      rows: () => (x as Tensor).rows(0, 1),
      sum: () => (x as Tensor).sum(),
      json: () => JSON.stringify(handle),
      loop: () => [...x],
      'global sum': () => sum(x),
      from: () => Array.from(x),
      plus: () => x + 1,
      minus: () => +x,
      times: () => x * 2,
    };
    const says = new RegExp(`this float32\\[2×2\\] are on the device \\(${device}\\): \\(await x\\.toHost\\(\\)\\)`);
    for (const use of Object.values(uses)) throws(use, TypeError, says);
  });

  test(`${device}: it stays a device tensor with dtype, shape and size`, () => {
    assert.equal([isDeviceTensor(handle), isTFTensor(handle), sizeInBytes(handle)], [true, false, 16]);
    assert.equal([Reflect.get(handle, 'dtype'), Reflect.get(handle, 'shape')], ['float32', [2, 2]]);
  });
}

test('a handle can be awaited, compared and read', async () => {
  const handle = new HostTensor(new Ledger(), 'cpu', numbers);
  assert.is(await handle, handle);
  assert.is(await handle.toHost(), numbers);
  assert.is(handle instanceof Tensor, false);
  handle.free();
  assert.match(inspect(handle), /on the device \(cpu\)/);
});

test('delete(), the word of gpu.js, frees it', () => {
  const ledger = new Ledger();
  const handle = new HostTensor(ledger, 'cpu', numbers) as HostTensor & { delete(): void };
  assert.is(ledger.memory().buffers, 1);
  handle.delete();
  handle.delete();
  assert.equal(ledger.memory(), { bytes: 0, buffers: 0 });
});

test.run();
