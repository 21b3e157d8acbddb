import { blockedProvider } from '../../../kernels/matmul/blocked.ts';
import { type MatmulProvider, type ProductDType, productOf } from '../../../kernels/matmul/product.ts';
import { sampledDifference } from '../../../kernels/matmul/product-check.ts';
import { randomMatrix } from '../../../kernels/matmul/random.ts';
import { Tuner } from '../../../kernels/matmul/webgpu/tuner.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import { isStoredAsBits } from '../../../src/tensor/floats/stored-bits.ts';
import type { Transposes } from '../../../src/tensor/product-shape.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { libraryCachePath, readWinners, writeWinners } from '../measured-cache.ts';
import { deviceOf, type HostLibrary, type HostLibraryOptions, librariesOf } from './host-libraries.ts';
import { type FoundOpenblas, findOpenblas } from './openblas-library.ts';

/** Options of a HostMatmul. */
export interface HostMatmulOptions extends HostLibraryOptions {
  /** Where OpenBLAS lies. */
  readonly openblas?: FoundOpenblas | undefined;
  /** The file of measured winners. */
  readonly cache?: string | undefined;
  /** Says that a library does not multiply after all. Default: the stderr of the task. */
  readonly warn?: ((line: string) => void) | undefined;
}

/** Below this many multiplications, measuring libraries costs more than the better one saves. */
const WORTH_MEASURING = 2 ** 27;
/**
 * The side of the square matrices that are multiplied for a measurement. They take a few milliseconds, so that some of
 * the rounds run undisturbed on a busy machine.
 */
const MEASURED_SIDE = 512;
const ROUNDS = 10;
const CHECKED_LINES = 2;

/**
 * Products on the host's cores. Several libraries can compute most dtypes. The fastest one is measured once per machine,
 * at the first large product, and kept in the user's cache; before that the order is that of our own measurements
 * (docs/decisions/openblas.md). An engine keeps to the names that it reported when it started.
 */
export class HostMatmul implements MatmulProvider {
  readonly name = 'host';
  readonly dtypes: readonly ProductDType[] = ['float64', 'int32', 'uint32', 'float32', 'float16', 'bfloat16'];
  readonly #libraries: readonly HostLibrary[];
  readonly #opened = new Map<HostLibrary, Promise<MatmulProvider>>();
  readonly #broken = new Set<HostLibrary>();
  readonly #measured = new Set<ProductDType>();
  readonly #tuner: Tuner<HostLibrary>;
  readonly #names: Readonly<Record<string, string>>;
  readonly #missing: Record<string, string> | undefined;
  readonly #cache: string;
  readonly #warn: (line: string) => void;

  constructor(options: HostMatmulOptions) {
    const { cache = libraryCachePath(), openblas = findOpenblas() } = options;
    this.#libraries = librariesOf(options, openblas);
    this.#cache = cache;
    this.#warn = options.warn ?? ((line) => void process.stderr.write(`${line}\n`));
    this.#tuner = new Tuner({
      device: deviceOf(options.threads, openblas),
      name: ({ name }) => name,
      rounds: ROUNDS,
      seed: winnersAtStart(cache),
    });
    this.#missing = 'missing' in openblas ? { openblas: openblas.missing } : undefined;
    this.#names = Object.fromEntries(this.dtypes.map((dtype) => [dtype, this.#first(dtype).name]));
  }

  /** The library that multiplies in this dtype. */
  nameOf(dtype: ProductDType): string {
    return this.#names[dtype] as string;
  }

  /** The part of the report of a context whose products are all computed here. */
  get report(): Pick<DeviceReport, 'matmul' | 'matmulBy' | 'without'> {
    const matmul = this.nameOf('float32');
    const others = this.dtypes.filter((dtype) => this.nameOf(dtype) !== matmul);
    return { matmul, ...this.reportOf(others) };
  }

  /** The part of the report of a context that computes these dtypes here. */
  reportOf(dtypes: readonly ProductDType[]): Pick<DeviceReport, 'matmulBy' | 'without'> {
    const matmulBy = Object.fromEntries(dtypes.map((dtype) => [dtype, this.nameOf(dtype)]));
    return { matmulBy: dtypes.length === 0 ? undefined : matmulBy, without: this.#missing };
  }

  async multiply(a: Tensor, b: Tensor, flags?: Transposes): Promise<Tensor> {
    const { m, k, n, dtype } = productOf(a, b, flags);
    if (m * k * n >= WORTH_MEASURING) await this.#measure(measuredAs(dtype));
    return (await this.#provider(dtype)).multiply(a, b, flags);
  }

  /** Libraries in the order in which they are taken: the measured winner is the first. */
  #able(dtype: ProductDType): readonly HostLibrary[] {
    return this.#libraries.filter((one) => one.dtypes.includes(dtype) && !this.#broken.has(one));
  }

  #first(dtype: ProductDType): HostLibrary {
    const able = this.#able(dtype);
    return this.#tuner.known(measuredProduct(dtype), able) ?? (able[0] as HostLibrary);
  }

  /** The provider that was reported; the next one, with a line that says so, where it does not load. */
  async #provider(dtype: ProductDType): Promise<MatmulProvider> {
    const able = this.#able(dtype);
    const library = able.find(({ name }) => name === this.nameOf(dtype)) ?? (able[0] as HostLibrary);
    try {
      return await this.#open(library);
    } catch (error) {
      this.#strike(library, dtype, (error as Error).message);
      return this.#provider(dtype);
    }
  }

  /** The library is not taken any more. Later engines report what multiplies instead. */
  #strike(library: HostLibrary, dtype: ProductDType, why: string): void {
    this.#broken.add(library);
    const next = (one: ProductDType) => (this.#able(one)[0] as HostLibrary).name;
    this.#warn(`${library.name} does not multiply: ${why}; ${next(dtype)} multiplies ${dtype}`);
    const winners = library.dtypes.map((one) => [this.#tuner.keyOf(measuredProduct(one)), next(one)] as const);
    writeWinners(Object.fromEntries(winners), this.#cache);
  }

  #open(library: HostLibrary): Promise<MatmulProvider> {
    const known = this.#opened.get(library) ?? library.open();
    this.#opened.set(library, known);
    return known;
  }

  /** Measures OpenBLAS and the next library, unless that has been done. Engines that start later take the winner. */
  async #measure(dtype: ProductDType): Promise<void> {
    if (dtype !== 'float32' && dtype !== 'float64') return;
    const contenders = this.#able(dtype).slice(0, 2);
    const [first, second] = contenders;
    const product = measuredProduct(dtype);
    const isKnown = this.#measured.has(dtype) || this.#tuner.known(product, contenders) !== undefined;
    if (isKnown || first?.name !== 'openblas' || second === undefined || second.name === blockedProvider.name) return;
    this.#measured.add(dtype);
    const [a, b] = [1, 2].map((seed) => randomMatrix(dtype, [MEASURED_SIDE, MEASURED_SIDE], seed)) as [Tensor, Tensor];
    const multiply = async (library: HostLibrary) => (await this.#open(library)).multiply(a, b);
    await this.#tuner.best(product, contenders, {
      check: async (library) => {
        const fault = sampledDifference(await multiply(library), a, b, CHECKED_LINES);
        if (fault !== undefined) this.#strike(library, dtype, fault);
        return fault;
      },
      measure: async (library) => {
        const started = performance.now();
        await multiply(library);
        return performance.now() - started;
      },
    });
    writeWinners(this.#tuner.toJSON(), this.#cache);
  }
}

const measuredAs = (dtype: ProductDType): ProductDType => (isStoredAsBits(dtype) ? 'float32' : dtype);

const measuredProduct = (dtype: ProductDType) => ({
  m: MEASURED_SIDE,
  k: MEASURED_SIDE,
  n: MEASURED_SIDE,
  dtype: measuredAs(dtype),
});

const firstSeen = new Map<string, Readonly<Record<string, string>>>();

/** The winners as they were when this process first asked: what it reports stays what it does. */
function winnersAtStart(cache: string): Readonly<Record<string, string>> {
  const known = firstSeen.get(cache) ?? readWinners(cache);
  firstSeen.set(cache, known);
  return known;
}
