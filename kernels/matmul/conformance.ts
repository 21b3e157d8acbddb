// The suite that every matmul provider passes, as tests, in bench/matmul and on machines with GPUs. Its shapes go from
// 1×1×1 over odd rectangles and empty ones to 256³, its values are random, structured and extreme.
import type { DType } from '../../src/tensor/dtype.ts';
import { codecOf } from '../../src/tensor/floats/stored-bits.ts';
import { Tensor } from '../../src/tensor/tensor.ts';
import type { MatmulProvider, ProductDType } from './product.ts';
import { difference } from './product-check.ts';
import { generator } from './random.ts';

/** The values of the operands. */
export type Fill = 'random' | 'structured' | 'large' | 'small' | 'nonfinite' | 'full-range';

/** One product that a provider must compute. */
export interface ConformanceCase {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly [m: number, k: number, n: number];
  readonly fill: Fill;
}

/** The outcome of the suite for one provider. */
export interface ConformanceResult {
  readonly provider: string;
  readonly passed: number;
  /** One line per failed case: its name, the element, both values. */
  readonly failures: readonly string[];
}

type Sizes = readonly [number, number, number];

const SHAPES: readonly Sizes[] = [
  [1, 1, 1],
  [1, 5, 1],
  [1, 300, 1],
  [7, 1, 9],
  [3, 5, 2],
  [4, 8, 12],
  [17, 33, 65],
  [31, 64, 127],
  [64, 64, 64],
  [100, 1, 100],
  [65, 130, 36],
  [128, 128, 128],
];
const LARGE_SHAPES: readonly Sizes[] = [
  [255, 18, 256],
  [256, 256, 256],
];
const EMPTY_SHAPES: readonly Sizes[] = [
  [3, 0, 4],
  [0, 5, 3],
  [4, 5, 0],
  [0, 0, 0],
];
const EXTREME_SHAPES: readonly Sizes[] = [
  [5, 7, 6],
  [33, 34, 35],
];

const FILLS: Record<ProductDType, readonly Fill[]> = {
  float32: ['large', 'small', 'nonfinite'],
  float64: ['large', 'small', 'nonfinite'],
  float16: ['large', 'nonfinite'],
  int32: ['full-range'],
  uint32: ['full-range'],
  bfloat16: ['large', 'small', 'nonfinite'],
};
const SMALL_INTS: readonly DType[] = ['int8', 'uint8', 'int16', 'uint16'];

/** The cases of these dtypes. int32 brings those of the small integers too. */
export function conformanceCases(dtypes: readonly ProductDType[]): ConformanceCase[] {
  const of = (dtype: DType, shapes: readonly Sizes[], fills: readonly Fill[]) =>
    shapes.flatMap((shape) =>
      fills.map((fill) => ({ name: `${dtype} ${shape.join('×')} ${fill}`, dtype, shape, fill })),
    );
  const cases = dtypes.flatMap((dtype) => [
    ...of(dtype, SHAPES, ['random', 'structured']),
    ...of(dtype, LARGE_SHAPES, ['random']),
    ...of(dtype, EMPTY_SHAPES, ['random']),
    ...of(dtype, EXTREME_SHAPES, FILLS[dtype]),
  ]);
  const small = SMALL_INTS.flatMap((dtype) => of(dtype, [[17, 33, 65]], ['full-range']));
  return dtypes.includes('int32') ? [...cases, ...small] : cases;
}

/** Runs every case. A wrong product is a failure of the result and never an exception. Another seed, other values. */
export async function runConformance(provider: MatmulProvider, { seed = 1 } = {}): Promise<ConformanceResult> {
  const failures: string[] = [];
  const cases = conformanceCases(provider.dtypes);
  for (const one of cases) {
    const wrong = await checkCase(provider, one, seed).catch((error: unknown) => String(error));
    if (wrong !== undefined) failures.push(`${one.name}: ${wrong}`);
  }
  return { provider: provider.name, passed: cases.length - failures.length, failures };
}

/** The fault of the provider's product in this case, in words (product-check.ts); undefined when it is right. */
export async function checkCase(provider: MatmulProvider, one: ConformanceCase, seed = 1): Promise<string | undefined> {
  const [m, k, n] = one.shape;
  const random = generator(seed + m * 7919 + k * 104_729 + n);
  const a = operand(one, [m, k], random);
  const b = operand(one, [k, n], random);
  return difference(await provider.multiply(a, b), a, b);
}

function operand({ dtype, fill }: ConformanceCase, shape: readonly [number, number], random: () => number): Tensor {
  const out = new Tensor(dtype, shape);
  const { encode = Number } = codecOf(dtype) ?? {};
  for (let i = 0; i < out.size; i++) out.data[i] = encode(element(fill, dtype, i, random));
  return out;
}

const SCALES: Partial<Record<DType, { large: number; small: number }>> = {
  float64: { large: 1e150, small: 1e-170 },
  float32: { large: 1e17, small: 1e-21 },
  float16: { large: 300, small: 1 },
  bfloat16: { large: 1e17, small: 1e-21 },
};
const ODD_ONES = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];

function element(fill: Fill, dtype: DType, i: number, random: () => number): number {
  const integer = dtype.includes('int');
  // Small whole numbers are exact in every dtype, so that a mixed-up index shows.
  if (fill === 'structured') return ((i * 7) % 13) - 6;
  if (fill === 'full-range') return Math.floor(random() * 2 ** 32) | 0;
  if (fill === 'nonfinite') return random() < 0.02 ? ODD_ONES[Math.floor(random() * 4)]! : random() * 2 - 1;
  const signed = random() * 2 - 1;
  if (fill === 'random') return integer ? Math.round(signed * 1000) : signed;
  return signed * (SCALES[dtype]?.[fill] ?? 1);
}
