import type { Product } from '../product.ts';

/** How candidates are tried on a product. */
export interface Trial<T> {
  /** Runs the candidate once and checks its product: the fault in words, or undefined. A rejection is a fault, too. */
  check(candidate: T): Promise<string | undefined>;
  /** Milliseconds of one run. Everything but a positive number rules the candidate out. */
  measure(candidate: T): Promise<number>;
}

/** Options of a Tuner. */
export interface TunerOptions<T> {
  /** The device's name: measurements on one device say nothing about another. */
  readonly device: string;
  readonly name: (candidate: T) => string;
  /** Runs of each candidate, in turns; the best one counts. Default 3. */
  readonly rounds?: number;
  /** Earlier measurements, from `toJSON`. */
  readonly seed?: Readonly<Record<string, string>>;
}

/** The outcome of one measurement, by the names of the candidates. */
export interface Tuned {
  /** The class of shapes, after the device's name. */
  readonly key: string;
  /** The fastest candidate that was right; undefined when there was none. */
  readonly best: string | undefined;
  /** Milliseconds of each candidate that was right. */
  readonly ms: Readonly<Record<string, number>>;
  /** The faults of the others. */
  readonly wrong: Readonly<Record<string, string>>;
}

const ROUNDS = 3;

/** Names the class of a product: products whose sizes round to the same powers of two run alike, if they are aligned alike. */
export function shapeClass({ m, k, n, dtype }: Product): string {
  const power = (size: number) => Math.round(Math.log2(Math.max(1, size)));
  const aligned = k % 4 === 0 && n % 4 === 0 ? '' : ' unaligned';
  return `${dtype} 2^${power(m)}×2^${power(k)}×2^${power(n)}${aligned}`;
}

/**
 * Chooses a kernel by measurement, once per device and class of shapes. Only a candidate whose product is right may win.
 * The caller brings the check and the clock.
 */
export class Tuner<T> {
  /** The measurements of this process. */
  readonly log: Tuned[] = [];
  readonly #options: TunerOptions<T>;
  readonly #best = new Map<string, string>();
  readonly #running = new Map<string, Promise<T | undefined>>();

  constructor(options: TunerOptions<T>) {
    this.#options = options;
    for (const [key, name] of Object.entries(options.seed ?? {})) this.#best.set(key, name);
  }

  /** The measured or seeded winner for this class of shapes, if it is among the candidates. */
  known(product: Product, candidates: readonly T[]): T | undefined {
    const name = this.#best.get(this.keyOf(product));
    return candidates.find((candidate) => this.#options.name(candidate) === name);
  }

  /**
   * The fastest candidate, from memory or measured now. Callers that come meanwhile share the measurement.
   * Undefined when every candidate was wrong.
   */
  async best(product: Product, candidates: readonly T[], trial: Trial<T>): Promise<T | undefined> {
    const known = this.known(product, candidates);
    if (known !== undefined) return known;
    const key = this.keyOf(product);
    const running = this.#running.get(key) ?? this.#tune(key, candidates, trial);
    this.#running.set(key, running);
    return running.finally(() => this.#running.delete(key));
  }

  async #tune(key: string, candidates: readonly T[], trial: Trial<T>): Promise<T | undefined> {
    const wrong: Record<string, string> = {};
    const right: T[] = [];
    // One after the other: at the same time they would slow each other down. The check compiles and warms up.
    for (const candidate of candidates) {
      const fault = await trial.check(candidate).catch((error: unknown) => String(error));
      if (fault === undefined) right.push(candidate);
      else wrong[this.#options.name(candidate)] = fault;
    }
    const times = await this.#times(right, trial, wrong);
    const best = [...times].sort(([, a], [, b]) => a - b)[0]?.[0];
    const ms = Object.fromEntries([...times].map(([candidate, value]) => [this.#options.name(candidate), value]));
    if (best !== undefined) this.#best.set(key, this.#options.name(best));
    this.log.push({ key, best: best && this.#options.name(best), ms, wrong });
    return best;
  }

  /** The best time of each. In turns, so that a clock that climbs or a busy moment favours nobody. */
  async #times(right: readonly T[], trial: Trial<T>, wrong: Record<string, string>): Promise<Map<T, number>> {
    const times = new Map<T, number>();
    const ruledOut = new Set<T>();
    for (let round = 0; round < (this.#options.rounds ?? ROUNDS); round++) {
      for (const candidate of right.filter((one) => !ruledOut.has(one))) {
        const ms = await trial.measure(candidate).catch(() => Number.NaN);
        if (ms > 0 && Number.isFinite(ms)) times.set(candidate, Math.min(ms, times.get(candidate) ?? ms));
        else {
          ruledOut.add(candidate);
          times.delete(candidate);
          wrong[this.#options.name(candidate)] = `its time is ${ms} ms`;
        }
      }
    }
    return times;
  }

  /** The key of this product's class: the device and the class of shapes. */
  keyOf(product: Product): string {
    return `${this.#options.device}: ${shapeClass(product)}`;
  }

  /** The name of the fastest kernel by class of shapes: the `seed` of another tuner. */
  toJSON(): Record<string, string> {
    return Object.fromEntries(this.#best);
  }
}
