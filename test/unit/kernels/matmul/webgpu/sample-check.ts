// The check that a tuner's candidate must pass, on software Vulkan: right products pass, one wrong element does not.
import * as assert from 'uvu/assert';
import { DeviceBuffers } from '../../../../../engines/contexts/webgpu/device-buffers.ts';
import { SharedDevice } from '../../../../../engines/contexts/webgpu/shared-device.ts';
import { generator } from '../../../../../kernels/matmul/random.ts';
import { referenceMatmul } from '../../../../../kernels/matmul/reference.ts';
import { SampleCheck } from '../../../../../kernels/matmul/webgpu/sample-check.ts';
import type { GemmDType } from '../../../../../kernels/matmul/webgpu/wgsl.ts';
import { toHalf } from '../../../../../src/tensor/floats/float16.ts';
import { Tensor } from '../../../../../src/tensor/tensor.ts';
import { inSoftwareGpu } from '../../../../support/software-gpu.ts';
import { suite } from '../../../../support/suite.ts';

if (await inSoftwareGpu(import.meta.url, 'sample check')) {
  const test = suite('sample check');
  const shared = await SharedDevice.open({ threads: 1, softwareGpu: true });
  const buffers = new DeviceBuffers(shared);
  const samples = new SampleCheck(shared.device);
  const [m, k, n] = [37, 21, 50];

  const operand = (dtype: GemmDType, shape: [number, number], seed: number): Tensor => {
    const random = generator(seed);
    const element = { float32: (x: number) => x, float16: toHalf, int32: (x: number) => (x * 2 ** 31) | 0 }[dtype];
    const out = new Tensor(dtype, shape);
    for (let i = 0; i < out.size; i++) out.data[i] = element(random() * 2 - 1);
    return out;
  };
  const faultOf = (a: Tensor, b: Tensor, c: Tensor): Promise<string | undefined> => {
    const [x, y, z] = [a, b, c].map((tensor) => buffers.upload(tensor)) as [GPUBuffer, GPUBuffer, GPUBuffer];
    return samples.fault({ a: x, b: y, c: z, product: { m, k, n, dtype: a.dtype as GemmDType } });
  };

  for (const dtype of ['float32', 'int32', 'float16'] as const) {
    test(`${dtype}: a right product passes, and an element off in a corner, an edge or a NaN does not`, async () => {
      const [a, b] = [operand(dtype, [m, k], 1), operand(dtype, [k, n], 2)];
      const right = referenceMatmul(a, b);
      assert.is(await faultOf(a, b, right), undefined);
      for (const at of [0, n - 1, (m - 1) * n, m * n - 1, 17]) {
        const wrong = new Tensor(dtype, [m, n], right.data.slice());
        wrong.data[at] = dtype === 'int32' ? (right.data[at] as number) ^ 1 : dtype === 'float16' ? 0x4a00 : 1.5 + at;
        assert.match(
          String(await faultOf(a, b, wrong)),
          new RegExp(`sampled elements are wrong, the first is element ${at}$`),
        );
      }
      if (dtype === 'int32') return;
      const nan = new Tensor(dtype, [m, n], right.data.slice());
      nan.data[3] = dtype === 'float16' ? 0x7e00 : Number.NaN;
      assert.match(String(await faultOf(a, b, nan)), /element 3$/);
    });
  }

  test('operands that are not finite are no fault of a kernel', async () => {
    const [a, b] = [operand('float32', [m, k], 1), operand('float32', [k, n], 2)];
    a.data[0] = Number.POSITIVE_INFINITY;
    assert.is(await faultOf(a, b, referenceMatmul(a, b)), undefined);
  });

  test.after(() => shared.close());
  test.run();
}
