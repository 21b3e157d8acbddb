// The operations of a soak: short and long tasks, arrays there and back, maps, scatters.
import type { Client } from '../../../src/client/client.ts';
import { CompositeError, ConnectionError, EngineError, NoEnginesRegistered } from '../../../src/errors.ts';
import type { History } from './history.ts';
import { Dice } from './random.ts';

export interface WorkloadOptions {
  readonly rc: Client;
  readonly history: History;
  /** The file in which engines note each operation that they run. */
  readonly log: string;
  readonly seed: number;
}

/** The kinds of operations that leave a mark where they run. */
export const MARKED = ['task', 'slow task', 'large task', 'balanced task'];

/** On an engine: notes that operation `id` runs, then gives `value` back after `ms`. */
const work = async <T>(log: string, id: number, value: T, ms: number): Promise<T> => {
  process.getBuiltinModule('node:fs').appendFileSync(log, `${id}\n`);
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  return value;
};

type Operation = (dice: Dice) => Promise<void>;

/** Makes operations, and tells a history how each ended. */
export class Workload {
  readonly #options: WorkloadOptions;
  #names = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** One operation after the other. */
  async run(worker: number, isOver: () => boolean): Promise<void> {
    const dice = new Dice(this.#options.seed * 1000 + worker);
    const kinds: readonly Operation[] = [
      (d) => this.#task('task', d, 0, 10),
      (d) => this.#task('slow task', d, d.whole(1, 80), 10),
      (d) => this.#task('large task', d, 0, 1_000_000),
      (d) => this.#balanced(d),
      (d) => this.#map(d),
      (d) => this.#data(d),
      (d) => this.#scatter(d),
    ];
    while (!isOver()) {
      await dice.pick(kinds)(dice);
      // Without engines an operation ends at once.
      if (this.#options.rc.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Does it, and notes how it ended. */
  async #note(id: number, call: () => Promise<unknown>): Promise<void> {
    const { history } = this.#options;
    try {
      history.ok(id, await call());
    } catch (error) {
      if (isExpected(error)) history.fail(id, error, isUnstarted(error) ? 'fail' : 'unknown');
      else history.ok(id, `${error}`);
    }
  }

  async #task(kind: string, dice: Dice, ms: number, size: number): Promise<void> {
    const { rc, history, log } = this.#options;
    const value = numbers(dice, size);
    const id = history.invoke(kind, value);
    await this.#note(id, async () => rc.view(anyId(rc, dice)).apply(work<Float32Array>, log, id, value, ms));
  }

  async #balanced(dice: Dice): Promise<void> {
    const { rc, history, log } = this.#options;
    const value = numbers(dice, 100);
    const id = history.invoke('balanced task', value);
    await this.#note(id, async () => rc.loadBalanced().apply(work<Float32Array>, log, id, value, dice.whole(0, 20)));
  }

  async #map(dice: Dice): Promise<void> {
    const { rc, history } = this.#options;
    const items = Array.from({ length: dice.whole(1, 200) }, (_, n) => n);
    const id = history.invoke(
      'map',
      items.map((n) => n * 3),
    );
    await this.#note(id, async () => rc.view(rc.ids).map((n: number) => n * 3, items));
  }

  /** An array that an engine holds is there as long as that engine lives. */
  async #data(dice: Dice): Promise<void> {
    const { rc, history } = this.#options;
    const name = `data${this.#names++}`;
    const value = numbers(dice, dice.whole(10, 1_000_000));
    const target = anyId(rc, dice);
    const uuid = rc.engine(target)?.uuid;
    const id = history.invoke('data', value);
    await this.#note(id, async () => {
      const view = rc.view(target);
      await view.push({ [name]: value });
      const back = await view
        .pull(name)
        .get()
        .catch((error: unknown) => error);
      if (rc.engine(target)?.uuid !== uuid) throw new EngineError('the engine was replaced');
      if (back instanceof Error) throw back;
      await view.clear([name]);
      return back;
    });
  }

  async #scatter(dice: Dice): Promise<void> {
    const { rc, history } = this.#options;
    const name = `data${this.#names++}`;
    const value = numbers(dice, dice.whole(10, 1_000_000));
    const id = history.invoke('scatter', value);
    const uuids = rc.engines.map(({ uuid }) => uuid).join();
    await this.#note(id, async () => {
      const view = rc.view(rc.ids);
      await view.scatter(name, value);
      const back = await view
        .gather(name)
        .get()
        .catch((error: unknown) => error);
      if (rc.engines.map(({ uuid }) => uuid).join() !== uuids) throw new EngineError('an engine was replaced');
      if (back instanceof Error) throw back;
      await view.clear([name]);
      return back;
    });
  }
}

function anyId(rc: Client, dice: Dice): number {
  if (rc.length === 0) throw new NoEnginesRegistered('none left');
  return dice.pick(rc.ids);
}

function numbers(dice: Dice, size: number): Float32Array {
  const first = dice.whole(0, 1000);
  return Float32Array.from({ length: size }, (_, i) => (first + i) % 4096);
}

/** Errors that a fault explains. */
function isExpected(error: unknown): boolean {
  if (error instanceof CompositeError) return error.errors.every((one) => one === undefined || isExpected(one));
  if (error instanceof EngineError || error instanceof ConnectionError || error instanceof NoEnginesRegistered)
    return true;
  return error instanceof RangeError && /No such engine/.test(error.message);
}

function isUnstarted(error: unknown): boolean {
  return error instanceof EngineError && /before this task started/.test(error.message);
}
