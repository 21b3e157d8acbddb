// The webgpu context's products: the WGSL GEMM on resident buffers, halves widened where the device does not compute with
// them, float64 on the host.
import { Gemm } from '../../kernels/matmul/gemm.ts';
import { HalfConverter } from '../../kernels/matmul/half.ts';
import type { MatmulProvider, Product } from '../../kernels/matmul/product.ts';
import { guessTile, TILES } from '../../kernels/matmul/tiles.ts';
import type { GemmDType } from '../../kernels/matmul/wgsl.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { DeviceTensor } from './context.ts';
import type { DeviceBuffers } from './device-buffers.ts';
import { GpuTensor } from './gpu-tensor.ts';
import { hostMatmul } from './host-matmul.ts';
import type { SharedDevice } from './shared-device.ts';

export interface GpuMatmulOptions {
  readonly software: boolean;
  readonly threads: number;
}

export class GpuMatmul {
  readonly gemm: Gemm;
  readonly #shared: SharedDevice;
  readonly #halves: HalfConverter;
  readonly #host: MatmulProvider;
  readonly #software: boolean;

  constructor(shared: SharedDevice, { software, threads }: GpuMatmulOptions) {
    this.#shared = shared;
    this.#software = software;
    this.gemm = new Gemm(shared.device);
    this.#halves = new HalfConverter(shared.device);
    this.#host = hostMatmul(threads);
  }

  /** float64, in double precision. */
  onHost(a: Tensor, b: Tensor): Promise<Tensor> {
    return this.#host.multiply(a, b);
  }

  /** The buffer of C, computed on the device. @throws ContextError when it does not fit, or the device is lost */
  async run(buffers: DeviceBuffers, product: Product, a: DeviceTensor, b: DeviceTensor): Promise<GPUBuffer> {
    const { m, k, n } = product;
    const dtype = product.dtype as GemmDType;
    const scratch: GPUBuffer[] = [];
    const temporary = (buffer: GPUBuffer): GPUBuffer => {
      scratch.push(buffer);
      return buffer;
    };
    const [hostA, hostB] = [await widened(a), await widened(b)];
    const what = `matmul of ${a.dtype}[${a.shape}] and [${b.shape}]`;
    try {
      return await this.#shared.guard(what, () => {
        const c = buffers.create(m * n * (dtype === 'float16' ? 2 : 4));
        if (m * k * n === 0) return c;
        const x = hostA === undefined ? (a as GpuTensor).buffer : temporary(buffers.upload(hostA));
        const y = hostB === undefined ? (b as GpuTensor).buffer : temporary(buffers.upload(hostB));
        if (dtype === 'float16' && !this.#shared.device.features.has('shader-f16')) {
          const floats = (size: number) => temporary(buffers.create(size * 4));
          this.#throughFloats({ m, k, n, dtype }, [x, y, c], [floats(m * k), floats(k * n), floats(m * n)]);
        } else this.#multiply({ m, k, n, dtype }, [x, y, c]);
        return c;
      });
    } finally {
      for (const buffer of scratch) buffer.destroy();
    }
  }

  #multiply(product: Product & { dtype: GemmDType }, [a, b, c]: readonly [GPUBuffer, GPUBuffer, GPUBuffer]): void {
    // Software adapters compile the large tiles for seconds: the smallest one serves them.
    const tile = this.#software ? TILES.at(-1)! : guessTile(product, this.gemm.limits);
    this.gemm.run({ a, b, c, product, tile });
  }

  #throughFloats(
    product: Product,
    [a, b, c]: readonly [GPUBuffer, GPUBuffer, GPUBuffer],
    [x, y, z]: readonly [GPUBuffer, GPUBuffer, GPUBuffer],
  ): void {
    this.#halves.widen(a, x);
    this.#halves.widen(b, y);
    this.#multiply({ ...product, dtype: 'float32' }, [x, y, z]);
    this.#halves.narrow(z, c);
  }
}

/** The small integers, which live on the host, as int32; undefined for what is on the device already. */
async function widened(tensor: DeviceTensor): Promise<Tensor | undefined> {
  if (tensor instanceof GpuTensor) return undefined;
  const host = await tensor.toHost();
  return new Tensor('int32', host.shape, Int32Array.from(host.data));
}
