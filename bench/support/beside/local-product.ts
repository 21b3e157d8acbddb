import type { Tensor } from 'directview';
import { openOnnx } from '../../../engines/contexts/host/host-libraries.ts';
import { findOpenblas, openOpenblas } from '../../../engines/contexts/host/openblas-library.ts';
import { loadTensorflow, tensorflowProvider } from '../../../engines/contexts/host/tensorflow.ts';
import type { MatmulProvider } from '../../../kernels/matmul/product.ts';
import { tfjsProvider } from '../../../kernels/matmul/tfjs.ts';

/** Multiplies in this process, in one call. */
export interface LocalLibrary {
  readonly name: string;
  multiply(a: Tensor, b: Tensor): Promise<Tensor>;
}

/** The libraries that are installed, with `threads` threads each. */
export async function localLibraries(threads: number): Promise<readonly LocalLibrary[]> {
  const openblas = findOpenblas();
  const isTensorflow = (await tensorflowProvider.probe({ threads })).ok;
  const found: readonly (readonly [string, MatmulProvider | undefined])[] = [
    ['tfjs-node', isTensorflow ? tfjsProvider(await loadTensorflow(threads)) : undefined],
    ['onnxruntime', await openOnnx(threads)],
    ['OpenBLAS', 'path' in openblas ? await openOpenblas(openblas.path, threads) : undefined],
  ];
  return found.flatMap(([name, provider]) =>
    provider === undefined ? [] : [{ name, multiply: (a: Tensor, b: Tensor) => provider.multiply(a, b) }],
  );
}
