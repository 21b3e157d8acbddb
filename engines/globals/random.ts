import { createHash } from 'node:crypto';
import type { EngineRandom } from './engine-global.ts';

const TWO_26 = 2 ** 26;
const TWO_53 = 2 ** 53;

/** Rotates 32 bits to the left. */
const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/**
 * Random numbers by xoshiro128++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021): period
 * 2^128 − 1. Its state is SHA-256 of the seed and the engine's id, so that streams of engines are independent.
 */
class Xoshiro128 {
  #state: readonly [number, number, number, number];
  /** The second number of a pair of `normal`. */
  #spare: number | undefined;

  constructor(seed: number, engine: number) {
    const digest = createHash('sha256').update(`directview ${seed} ${engine}`).digest();
    const word = (at: number) => digest.readInt32LE(at);
    this.#state = [word(0), word(4), word(8), word(12)];
  }

  /** 32 bits, as a signed number. */
  #bits(): number {
    const [a, b, c, d] = this.#state;
    this.#state = [a ^ d ^ b, b ^ c ^ a, c ^ a ^ (b << 9), rotated(d ^ b, 11)];
    return (rotated((a + d) | 0, 7) + a) | 0;
  }

  /** 53 bits, of two numbers, as the Mersenne Twister's `genrand_res53` takes them. */
  uniform(): number {
    const high = this.#bits() >>> 5;
    return (high * TWO_26 + (this.#bits() >>> 6)) / TWO_53;
  }

  /** Marsaglia's polar method. */
  normal(): number {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) return spare;
    for (;;) {
      const [x, y] = [2 * this.uniform() - 1, 2 * this.uniform() - 1];
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      this.#spare = y * scale;
      return x * scale;
    }
  }

  /** Numbers over the largest multiple of `below` are thrown away: each integer is as likely. */
  integer(below: number): number {
    const range = TWO_53 - (TWO_53 % below);
    for (;;) {
      const drawn = this.uniform() * TWO_53;
      if (drawn < range) return drawn % below;
    }
  }
}

/** The random numbers of an engine. Its id is asked for with the first number: before it registers it has none. */
export function engineRandom(seed: number, id: () => number): EngineRandom {
  let made: Xoshiro128 | undefined;
  const stream = () => {
    made ??= new Xoshiro128(seed, id());
    return made;
  };
  return Object.assign(() => stream().uniform(), {
    normal: () => stream().normal(),
    integer(below: number) {
      if (!Number.isSafeInteger(below) || below < 1) {
        throw new RangeError(`engine.random.integer: below must be a whole number of at least 1, not ${String(below)}`);
      }
      return stream().integer(below);
    },
    seed,
  });
}
