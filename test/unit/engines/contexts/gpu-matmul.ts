// Products on the device of the webgpu context, on software Vulkan as if it were hardware: how many guards they take, measured or
// not. Few tiles fit its limits here, because a software adapter compiles each for long.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { HostTensor } from '../../../../engines/contexts/host/host-tensor.ts';
import { Ledger } from '../../../../engines/contexts/ledger.ts';
import { DeviceBuffers } from '../../../../engines/contexts/webgpu/device-buffers.ts';
import { GpuMatmul } from '../../../../engines/contexts/webgpu/gpu-matmul.ts';
import { SharedDevice } from '../../../../engines/contexts/webgpu/shared-device.ts';
import { productOf } from '../../../../kernels/matmul/product.ts';
import { difference } from '../../../../kernels/matmul/product-check.ts';
import { ContextError } from '../../../../src/errors.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { inSoftwareGpu } from '../../../support/software-gpu.ts';
import { suite } from '../../../support/suite.ts';

/** Few blocks and a long K: a product that is worth a measurement. */
const SHAPE = [32, 4096, 32] as const;
const ONE_TILE = { maxComputeWorkgroupStorageSize: 8192 };

if (await inSoftwareGpu(import.meta.url, 'gpu matmul')) {
  const test = suite('gpu matmul');
  const home = mkdtempSync(join(tmpdir(), 'dv-gpu-matmul-'));
  process.env['DIRECTVIEW_HOME'] = home;
  const shared = await SharedDevice.open({ threads: 1, softwareGpu: true });
  const buffers = new DeviceBuffers(shared);
  const ledger = new Ledger();
  const guards: string[] = [];
  /** Refuses the work of guards of this name. */
  let refused: string | undefined;
  const guard = shared.guard.bind(shared);
  shared.guard = (what, work) => {
    guards.push(what);
    return what === refused ? Promise.reject(new ContextError(`${what}: refused`)) : guard(what, work);
  };

  const make = (device: string) => new GpuMatmul(shared, { software: false, threads: 1, device, limits: ONE_TILE });

  const ints = (rows: number, columns: number, seed: number): Tensor => {
    const out = new Tensor('int32', [rows, columns]);
    for (let i = 0; i < out.size; i++) out.data[i] = ((i * 31 + seed * 17) % 2003) - 1000;
    return out;
  };

  /** The names of the guards of one product, which is right. */
  async function guardsOf(products: GpuMatmul, flags = {}): Promise<string[]> {
    const [m, k, n] = SHAPE;
    const [a, b] = [ints(m, k, 1), ints(k, n, 2)];
    const [x, y] = [new HostTensor(ledger, 'webgpu', a), new HostTensor(ledger, 'webgpu', b)];
    guards.length = 0;
    const c = await products.run(buffers, productOf(a, b), x, y, flags);
    const taken = [...guards];
    assert.is(difference(await buffers.read(c, 'int32', [m, n], 4 * m * n), a, b), undefined);
    buffers.release(c);
    for (const one of [x, y]) one.free();
    return taken;
  }

  test('a product takes one guard, whether its tiles are measured with it or were before', async () => {
    const products = make('measured');
    const first = await guardsOf(products);
    assert.is(first[0], 'matmul of int32[32,4096] and [4096,32]');
    assert.is(first.filter((what) => what.startsWith('matmul of')).length, 1);
    // The others are those of the measurement, which has a result.
    assert.is(products.tunings.length, 1);
    assert.equal(products.tunings[0]?.wrong, {});
    assert.ok(Object.keys(products.tunings[0]?.ms ?? {}).length > 1);
    assert.equal(await guardsOf(products), ['matmul of int32[32,4096] and [4096,32]']);
    assert.is(products.tunings.length, 1);
  });

  test('the next process knows the winner', async () => {
    assert.is((await guardsOf(make('measured'))).length, 1);
  });

  test('a measurement that gets no memory costs the product nothing', async () => {
    refused = 'memory for measuring tiles';
    const products = make('refused');
    assert.equal(await guardsOf(products), ['matmul of int32[32,4096] and [4096,32]', refused]);
    assert.is(products.tunings.length, 0);
    refused = undefined;
    await guardsOf(products);
    assert.is(products.tunings.length, 1);
  });

  test('a product that is known makes and writes no buffer but C', async () => {
    const products = make('measured');
    await guardsOf(products);
    const made: number[] = [];
    const create = shared.device.createBuffer.bind(shared.device);
    const write = shared.device.queue.writeBuffer.bind(shared.device.queue);
    let writes = 0;
    shared.device.createBuffer = (descriptor) => {
      made.push(descriptor.size);
      return create(descriptor);
    };
    shared.device.queue.writeBuffer = (...args: Parameters<typeof write>) => {
      writes += 1;
      return write(...args);
    };
    try {
      await guardsOf(products);
    } finally {
      shared.device.createBuffer = create;
      shared.device.queue.writeBuffer = write;
    }
    // The operands are written: everything else is in buffers of the pool, and sizes are immediates.
    assert.equal([made, writes], [[], 2]);
  });

  test.after(() => {
    shared.close();
    rmSync(home, { recursive: true, force: true });
  });
  test.run();
}
