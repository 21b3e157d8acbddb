import type { Product } from '../product.ts';

/** Milliseconds that a candidate needs for the product; Infinity or a rejection rules it out. */
export type Measure<T> = (candidate: T) => Promise<number>;

/** Options of a Tuner. */
export interface TunerOptions<T> {
  /** The device's name: measurements on one device say nothing about another. */
  readonly device: string;
  readonly name: (candidate: T) => string;
  /** Earlier measurements, from `toJSON`. */
  readonly seed?: Readonly<Record<string, string>>;
}

/** Names the class of a product: products whose sizes round to the same powers of two run alike. */
export function shapeClass({ m, k, n, dtype }: Product): string {
  const power = (size: number) => Math.round(Math.log2(Math.max(1, size)));
  return `${dtype} 2^${power(m)}×2^${power(k)}×2^${power(n)}`;
}

/**
 * Chooses a kernel by measurement. It times the candidates once per device and class of shapes, and remembers the
 * fastest. The caller brings the measurement.
 */
export class Tuner<T> {
  readonly #options: TunerOptions<T>;
  readonly #best = new Map<string, string>();
  readonly #running = new Map<string, Promise<T | undefined>>();

  constructor(options: TunerOptions<T>) {
    this.#options = options;
    for (const [key, name] of Object.entries(options.seed ?? {})) this.#best.set(key, name);
  }

  /** The measured or seeded winner for this class of shapes, if it is among the candidates. */
  known(product: Product, candidates: readonly T[]): T | undefined {
    const name = this.#best.get(this.#key(product));
    return candidates.find((candidate) => this.#options.name(candidate) === name);
  }

  /**
   * The fastest candidate, from memory or measured now. Callers that come meanwhile share the measurement.
   * Undefined when the measurement ruled out every candidate.
   */
  async best(product: Product, candidates: readonly T[], measure: Measure<T>): Promise<T | undefined> {
    const known = this.known(product, candidates);
    if (known !== undefined) return known;
    const key = this.#key(product);
    const running = this.#running.get(key) ?? this.#measureAll(key, candidates, measure);
    this.#running.set(key, running);
    return running.finally(() => this.#running.delete(key));
  }

  async #measureAll(key: string, candidates: readonly T[], measure: Measure<T>): Promise<T | undefined> {
    let best: { candidate: T; ms: number } | undefined;
    // One after the other: at the same time they would slow each other down.
    for (const candidate of candidates) {
      const ms = await measure(candidate).catch(() => Number.POSITIVE_INFINITY);
      if (ms < (best?.ms ?? Number.POSITIVE_INFINITY)) best = { candidate, ms };
    }
    if (best !== undefined) this.#best.set(key, this.#options.name(best.candidate));
    return best?.candidate;
  }

  #key(product: Product): string {
    return `${this.#options.device}: ${shapeClass(product)}`;
  }

  /** The name of the fastest kernel by class of shapes: the `seed` of another tuner. */
  toJSON(): Record<string, string> {
    return Object.fromEntries(this.#best);
  }
}
