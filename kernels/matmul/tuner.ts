// Chooses a kernel by measuring: per device and class of shapes the candidates are timed once, and the fastest remembered.
// Pure but for the measurement, which the caller brings.
import type { Product } from './product.ts';

/** Milliseconds that this candidate takes for the product; Infinity or a rejection rules it out. */
export type Measure<T> = (candidate: T) => Promise<number>;

export interface TunerOptions<T> {
  /** Names the device: measurements of one say nothing about another. */
  readonly device: string;
  readonly name: (candidate: T) => string;
  /** Earlier measurements, as `toJSON` gave them. */
  readonly seed?: Readonly<Record<string, string>>;
}

/** Products whose sizes round to the same powers of two run alike. */
export function shapeClass({ m, k, n, dtype }: Product): string {
  const power = (size: number) => Math.round(Math.log2(Math.max(1, size)));
  return `${dtype} 2^${power(m)}×2^${power(k)}×2^${power(n)}`;
}

export class Tuner<T> {
  readonly #options: TunerOptions<T>;
  readonly #best = new Map<string, string>();
  readonly #running = new Map<string, Promise<T | undefined>>();

  constructor(options: TunerOptions<T>) {
    this.#options = options;
    for (const [key, name] of Object.entries(options.seed ?? {})) this.#best.set(key, name);
  }

  /** What was measured or seeded for this class of shapes, if it is among the candidates. */
  known(product: Product, candidates: readonly T[]): T | undefined {
    const name = this.#best.get(this.#key(product));
    return candidates.find((candidate) => this.#options.name(candidate) === name);
  }

  /**
   * The fastest candidate, measured now unless known; callers that come meanwhile share the measurement.
   * Undefined when every candidate was ruled out.
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
    // One after the other: together they would time each other.
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

  /** Class of shapes to the name of its fastest kernel, to seed another tuner with. */
  toJSON(): Record<string, string> {
    return Object.fromEntries(this.#best);
  }
}
