// The product on the host's cores: by onnxruntime-node where it is installed, else in plain loops.
import { blockedProvider } from '../../../kernels/matmul/blocked.ts';
import { onnxProvider } from '../../../kernels/matmul/onnx.ts';
import type { MatmulProvider } from '../../../kernels/matmul/product.ts';
import { packageFolder } from '../packages.ts';

/** onnxruntime-node as a provider, or undefined when it is not installed, does not load, or is older than 1.16. */
export async function openOnnx(threads: number): Promise<MatmulProvider | undefined> {
  if (packageFolder('onnxruntime-node') === undefined) return undefined;
  // Without this, onnxruntime-node looks for CUDA libraries, which nothing here uses.
  process.env['ONNXRUNTIME_NODE_INSTALL'] ??= 'skip';
  const ort = await import('onnxruntime-node').catch(() => undefined);
  // Versions before 1.16 have no named exports.
  return ort?.InferenceSession === undefined ? undefined : onnxProvider(ort, threads);
}

/** The name of the library that `hostMatmul` opens. */
export const hostMatmulName = (): string => (packageFolder('onnxruntime-node') === undefined ? 'blocked' : 'onnx');

/** Multiplies float64, int32 and uint32 on the CPU for any context, exactly. It opens the fastest library at first use. */
export function hostMatmul(threads: number): MatmulProvider {
  let opened: Promise<MatmulProvider> | undefined;
  const open = async () => (await openOnnx(threads)) ?? blockedProvider;
  return {
    name: 'host',
    dtypes: ['float64', 'int32', 'uint32', 'float32', 'float16'],
    multiply: async (a, b, flags) => {
      opened ??= open();
      return (await opened).multiply(a, b, flags);
    },
  };
}
