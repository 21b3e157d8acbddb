import { allocate } from '../../src/tensor/dtype.ts';
import { Tensor } from '../../src/tensor/tensor.ts';

/** Random numbers in [0, 1), the same for the same seed: for checks of products. Algorithm: mulberry32 (T. Ettinger). */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A matrix of random numbers from −0.5 to 0.5. */
export function randomMatrix(dtype: 'float32' | 'float64', shape: readonly [number, number], seed: number): Tensor {
  const next = generator(seed);
  const data = allocate(dtype, shape[0] * shape[1]);
  for (let i = 0; i < data.length; i++) data[i] = next() - 0.5;
  return new Tensor(dtype, shape, data);
}
