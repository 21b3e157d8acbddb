// One value per name, as a property: any order of pushes, writes, timers, products, kernels and tf ops on real engines
// gives what a plain program gives.
import * as assert from 'uvu/assert';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import type { Rig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

declare const tf: { add(a: unknown, b: number): unknown };
declare const gpu: { createKernel(fn: unknown, settings: object): (x: unknown) => Promise<unknown> };
declare function matmul(a: unknown, b: unknown): Promise<Tensor>;

const SEEDS = [7, 11, 2024];
const STEPS = 70;
/** Names that hold Tensors, into which code writes. */
const NAMES = ['A', 'B', 'D'];
/** The name of a product that stays on the device. */
const RESULT = 'R';

type Values = readonly number[];
/** A kernel that adds 1 to what a name holds. */
type PlusOne = (name: string) => PromiseLike<unknown>;

/** Linear congruential: the same operations on every context. */
export function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const filled = (value: number): Tensor => new Tensor('float32', [2, 2], new Float32Array(4).fill(value));
const identity = new Tensor('float32', [2, 2], new Float32Array([1, 0, 0, 1]));
const read = (made: unknown): Values => [...(made as Tensor).data];

/** A write under way, and what it does to the model. */
interface Held {
  readonly id: number;
  readonly name: string;
  readonly target: number[];
  readonly at: number;
  readonly value: number;
  /** It may happen at any time; else a later task lets it go. */
  readonly isTimer: boolean;
}

/** A sequence on engine 0, and beside it the plain program. */
class Sequence {
  readonly #e0: Rig['e0'];
  readonly #random: (below: number) => number;
  readonly #plusOne: PlusOne;
  readonly #model = new Map<string, number[]>();
  /** Writes of promises and timers under way, the oldest first. */
  readonly #held: Held[] = [];
  #ids = 0;

  constructor(e0: Rig['e0'], seed: number, plusOne: PlusOne) {
    this.#e0 = e0;
    this.#random = seeded(seed);
    this.#plusOne = plusOne;
  }

  async run(): Promise<void> {
    await this.#e0.execute('releases = []; pending = []; 0');
    for (const name of NAMES) await this.#push(name);
    const changes = [this.#push, this.#assign, this.#write, this.#afterAwaits, this.#hold, this.#timer, this.#product];
    const others = [this.#plain, this.#letGo];
    const uses = Object.values(this.#uses);
    for (let i = 0; i < STEPS; i++) {
      const kind = this.#random(5);
      if (kind < 2) await this.#one(changes).call(this, this.#one(NAMES));
      else if (kind < 4) await this.#check(this.#one([...this.#model.keys()]), this.#one(uses));
      else await this.#one(others).call(this);
    }
    while (this.#held.length > 0) await this.#letGo();
    for (const name of this.#model.keys()) for (const use of uses) await this.#check(name, use);
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#random(list.length)] as T;
  }

  async #push(name: string): Promise<void> {
    const value = this.#random(50);
    this.#set(name, [value, value, value, value]);
    await this.#e0.push({ [name]: filled(value) });
  }

  async #assign(name: string): Promise<void> {
    const value = this.#random(50);
    this.#set(name, [value, value, value, value]);
    await this.#e0.execute(`${name} = new Tensor('float32', [2, 2], new Float32Array(4).fill(${value}))`);
  }

  async #write(name: string): Promise<void> {
    // Nobody knows which of two writes is the last one.
    if (!this.#isSure(name)) return;
    const [at, value] = [this.#random(4), this.#random(50)];
    (this.#model.get(name) as number[])[at] = value;
    await this.#e0.execute(`${name}.data[${at}] = ${value}`);
  }

  /** An un-awaited promise writes, behind the end of its task or not. */
  async #afterAwaits(name: string): Promise<void> {
    if (!this.#isSure(name)) return;
    const [at, value] = [this.#random(4), this.#random(50)];
    (this.#model.get(name) as number[])[at] = value;
    await this.#e0.execute(`void (async () => { await null; await null; ${name}.data[${at}] = ${value} })(); 0`);
  }

  /** A promise that writes later, when a task lets it go. */
  async #hold(name: string): Promise<void> {
    if (!this.#isSure(name)) return;
    const { id, at, value } = this.#under(name, { isTimer: false });
    const write = `new Promise((ok) => (releases[${id}] = ok)).then(() => (target[${at}] = ${value}))`;
    await this.#e0.execute(`{ const target = ${name}.data; ${write} }; 0`);
  }

  /** A timer that writes while other tasks run. */
  async #timer(name: string): Promise<void> {
    if (this.#held.some((held) => held.name === name)) return;
    const { id, at, value } = this.#under(name, { isTimer: true });
    const write = `new Promise((ok) => setTimeout(() => ok(target[${at}] = ${value}), 3))`;
    await this.#e0.execute(`{ const target = ${name}.data; pending[${id}] = ${write} }; 0`);
  }

  #under(name: string, { isTimer }: Pick<Held, 'isTimer'>): Held {
    const [at, value, id] = [this.#random(4), this.#random(50), this.#ids++];
    const held = { id, name, target: this.#model.get(name) as number[], at, value, isTimer };
    this.#held.push(held);
    return held;
  }

  /** Has the oldest write happen, or waits for it. */
  async #letGo(): Promise<void> {
    const held = this.#held.shift();
    if (held === undefined) return;
    const text = held.isTimer ? `await pending[${held.id}]; 0` : `releases[${held.id}](); 0`;
    await this.#e0.execute(text);
    held.target[held.at] = held.value;
  }

  async #product(name: string): Promise<void> {
    const before = this.#isSure(name) ? [...(this.#model.get(name) as number[])] : undefined;
    await pdot(this.#e0, ref(name), identity, { into: RESULT });
    if (before === undefined) this.#model.delete(RESULT);
    else this.#model.set(RESULT, before);
  }

  async #plain(): Promise<void> {
    await this.#e0.apply(() => 1);
  }

  // A write under way goes to the old value, which nobody sees.
  #set(name: string, values: number[]): void {
    this.#model.set(name, values);
  }

  /** False while a timer may write into the value. */
  #isSure(name: string): boolean {
    return !this.#held.some((held) => held.isTimer && held.name === name);
  }

  async #check(name: string, use: (name: string) => Promise<Values>): Promise<void> {
    const found = await use.call(this, name);
    if (this.#isSure(name)) assert.equal(found, this.#model.get(name), `${name} by ${use.name}`);
  }

  /** Ways to see a name. */
  readonly #uses = {
    pull: async (name: string) => read(await this.#e0.pull(name)),
    product: async (name: string) => read(await pdot(this.#e0, ref(name), identity)),
    matmul: async (name: string) => {
      const product = (x: unknown) => matmul(x, new Tensor('float32', [2, 2], new Float32Array([1, 0, 0, 1])));
      return read(await this.#e0.apply(product, ref(name) as never));
    },
    kernel: async (name: string) => read(await this.#plusOne(name)).map((x) => x - 1),
    gpuInTask: async (name: string) => {
      const double = async (x: unknown) => {
        const kernels = globalThis as unknown as { double?: (x: unknown) => Promise<unknown> };
        kernels.double ??= gpu.createKernel(
          function (this: { thread: { x: number; y: number } }, a: number[][]) {
            return a[this.thread.y]![this.thread.x]! * 2;
          },
          { output: [2, 2] },
        );
        return Array.from((await kernels.double(x)) as ArrayLike<number>[], (row) => Array.from(row)).flat();
      };
      return ((await this.#e0.apply(double, ref(name) as never)) as number[]).map((x) => x / 2);
    },
    tf: async (name: string) => {
      return read(await this.#e0.apply((x: unknown) => tf.add(x, 1), ref(name) as never)).map((x) => x - 1);
    },
  };
}

export function randomSequenceCases(test: Suite, rig: () => Rig): void {
  test('any order of pushes, writes, products, kernels, tf ops and pulls gives what a plain program gives', async () => {
    const { e0 } = rig();
    const plusOne = await e0.kernel(
      function (this: { thread: { x: number; y: number } }, a: number[][]) {
        return a[this.thread.y]![this.thread.x]! + 1;
      },
      { output: [2, 2] },
    );
    for (const seed of SEEDS) await new Sequence(e0, seed, (name) => plusOne(ref(name))).run();
    await plusOne.destroy();
    await e0.clear();
  });
}
