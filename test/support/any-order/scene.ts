// Calls on real engines in any order, and beside them plain copies of what each name on each engine must hold.
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import type { DirectView } from '../../../src/client/direct-view.ts';
import type { ReceiveBuffer } from '../../../src/client/options.ts';
import { Tensor } from '../../../src/tensor/tensor.ts';
import { Dice } from '../chaos/random.ts';
import { copyOf, scribble, textOf, type Value, ValueMaker } from './made-values.ts';

const NAMES = ['a', 'b', 'c', 'd'];
/** Values that code of an engine keeps at most. */
const KEPT = 6;

/** The names of the engines' code. */
declare const kept: (() => Value)[];
declare const text: (value: Value) => string;
declare const change: (value: Value, n: number) => void;
declare const engine: {
  readonly id: number;
  broadcast<T>(value: T, options: object): Promise<T>;
  send(rank: number, tag: string, value: unknown): Promise<void>;
  recv(rank: number, tag: string): Promise<Value>;
};

const HELPERS = `
var kept = [];
var dataIn = (value) => (value instanceof Tensor ? value.data : value);
var bytesIn = (value) => { const { buffer, byteOffset, byteLength } = dataIn(value); return new Uint8Array(buffer, byteOffset, byteLength); };
var text = (value) => {
  const sum = require('node:zlib').crc32(bytesIn(value));
  return value instanceof Tensor ? \`\${value.dtype}[\${value.shape}] \${sum}\` : \`\${value.constructor.name} \${value.byteLength} \${sum}\`;
};
var change = (value, n) => { const bytes = bytesIn(value); if (bytes.length > 0) bytes.fill(n % 251, n % bytes.length); };`;

/** Ways in which code of a user gets at the value of a name, and keeps it. */
const KEEPERS: readonly ((name: string) => void)[] = [
  (name) => {
    const value = Reflect.get(globalThis, name);
    kept.push(() => value);
  },
  (name) => {
    const { [name]: value } = globalThis as unknown as Record<string, Value>;
    kept.push(() => value as Value);
  },
  (name) => {
    const all = Object.assign({}, globalThis) as unknown as Record<string, Value>;
    kept.push(() => all[name] as Value);
  },
  (name) => {
    const copy = Object.create(null, Object.getOwnPropertyDescriptors(globalThis));
    const value = copy[name];
    kept.push(() => value);
  },
  (name) => {
    const value = new Function(`return ${name}`)();
    const values = (function* () {
      for (;;) yield value;
    })();
    kept.push(() => values.next().value);
  },
  async (name) => {
    const value = await Reflect.get(globalThis, name);
    await new Promise((resolve) => setTimeout(resolve, 1));
    kept.push(() => value);
  },
];

/** One engine, as it must be. */
interface Model {
  readonly names: Map<string, Value>;
  readonly kept: Value[];
}

/** A step: what it did to the models, it has done when it returns; its promise checks what comes back. */
type Step = (view: DirectView<'many'>, models: readonly Model[]) => PromiseLike<unknown> | undefined;

export class Scene {
  readonly #rc: Client;
  readonly #dice: Dice;
  readonly #maker: ValueMaker;
  readonly #models: readonly Model[];

  constructor(rc: Client, seed: number) {
    this.#rc = rc;
    this.#dice = new Dice(seed);
    this.#maker = new ValueMaker(this.#dice);
    this.#models = rc.ids.map(() => ({ names: new Map(), kept: [] }));
  }

  /** So many calls, some of them in flight together. */
  async run(count: number): Promise<void> {
    await this.#rc.view('all').execute(HELPERS);
    const steps = Object.values(this.#steps);
    for (let done = 0; done < count; ) {
      const calls = Array.from({ length: this.#dice.whole(1, 5) }, () => this.#step(this.#dice.pick(steps)));
      await Promise.all(calls);
      done += calls.length;
    }
    for (const model of this.#models) for (const name of model.names.keys()) await this.#look(name);
  }

  #step(step: Step): PromiseLike<unknown> | undefined {
    const some = this.#rc.ids.filter(() => this.#dice.next() < 0.7);
    const ids = some.length > 0 ? some : this.#rc.ids;
    return step(
      this.#rc.view(ids),
      ids.map((id) => this.#models[id] as Model),
    );
  }

  async #look(name: string): Promise<void> {
    const found = await this.#rc.view('all').apply((key: string) => {
      return key in globalThis ? text(Reflect.get(globalThis, key)) : 'none';
    }, name);
    assert.equal(
      found,
      this.#models.map(({ names }) => (names.has(name) ? textOf(names.get(name)) : 'none')),
    );
  }

  /** A name that all of them have, and its values. */
  #common(models: readonly Model[]): readonly [name: string, values: readonly Value[]] | undefined {
    const common = NAMES.filter((name) => models.every(({ names }) => names.has(name)));
    if (common.length === 0) return undefined;
    const name = this.#dice.pick(common);
    return [name, models.map(({ names }) => names.get(name) as Value)];
  }

  #numberOf = (): number => this.#dice.whole(0, 1_000_000);

  readonly #steps: Readonly<Record<string, Step>> = {
    push: (view, models) => {
      const [value, name] = [this.#maker.make(), this.#dice.pick(NAMES)];
      for (const { names } of models) names.set(name, copyOf(value));
      const options = this.#dice.pick([{}, {}, { copy: true }, { via: 'broadcast' as const }]);
      const call = view.with(options).push({ [name]: value });
      if ('copy' in options) this.#maker.fill(value);
      return call.sent.then(() => this.#maker.fill(value)).then(() => call);
    },
    pushAgain: (view, models) => {
      const [value, name] = [this.#maker.make(), this.#dice.pick(NAMES)];
      const calls = Array.from({ length: 4 }, () => {
        const next = this.#maker.fill(copyOf(value));
        for (const { names } of models) names.set(name, copyOf(next));
        return view.push({ [name]: next });
      });
      return Promise.all(calls);
    },
    pushTwo: (view, models) => {
      const [value, [one, two]] = [this.#maker.make(), this.#dice.pick([NAMES, [...NAMES].reverse()])];
      for (const { names } of models) {
        const shared = copyOf(value);
        names.set(one as string, shared).set(two as string, shared);
      }
      return view.push({ [one as string]: value, [two as string]: value });
    },
    scatterAndGather: (view, models) => {
      const [value, name] = [this.#maker.make(), this.#dice.pick(NAMES)];
      if (value instanceof Tensor && value.rank === 0) return undefined;
      const dist = this.#dice.pick(['b', 'r'] as const);
      for (const { names } of models) names.delete(name);
      const into = this.#maker.fill(copyOf(value));
      const [scattered, wanted] = [view.scatter(name, value, { dist }), textOf(value)];
      const gathered = view.gather(name, this.#dice.next() < 0.5 ? { into, dist } : { dist });
      const removed = view.execute(`delete globalThis.${name}`);
      return Promise.all([scattered, gathered.then((whole) => assert.is(textOf(whole), wanted)), removed]);
    },
    pull: (view, models) => {
      const [name, values] = this.#common(models) ?? [];
      if (name === undefined || values === undefined) return undefined;
      const wanted = values.map(textOf);
      const into = values.map((value) => this.#maker.fill(copyOf(value)));
      const call = this.#dice.next() < 0.5 ? view.pull(name, { into: into as ReceiveBuffer[] }) : view.pull(name);
      return call.then((found) => assert.equal((found as Value[]).map(textOf), wanted));
    },
    argument: (view, models) => {
      const [value, n] = [this.#maker.make(), this.#numberOf()];
      const changed = copyOf(value);
      scribble(changed, n);
      const keep = models.every((model) => model.kept.length < KEPT);
      if (keep) for (const model of models) model.kept.push(copyOf(changed));
      const wanted = [textOf(value), textOf(changed)];
      const take = (mine: Value, by: number, isKept: boolean) => {
        const before = text(mine);
        change(mine, by);
        if (isKept) kept.push(() => mine);
        return [before, mine];
      };
      const options = this.#dice.pick([{}, { via: 'broadcast' as const }]);
      const call = view.with(options).apply(take as never, value as never, n as never, keep as never);
      return call.then((found) => {
        for (const [before, after] of found as unknown as [string, Value][])
          assert.equal([before, textOf(after)], wanted);
      });
    },
    change: (view, models) => {
      const [name, values] = this.#common(models) ?? [];
      if (name === undefined || values === undefined) return undefined;
      const n = this.#numberOf();
      for (const value of values) scribble(value, n);
      return view.apply((key: string, by: number) => change(Reflect.get(globalThis, key), by), name, n);
    },
    keep: (view, models) => {
      const [name, values = []] = this.#common(models) ?? [];
      if (name === undefined || models.some((model) => model.kept.length >= KEPT)) return undefined;
      for (const [i, model] of models.entries()) model.kept.push(values[i] as Value);
      return view.apply(this.#dice.pick(KEEPERS), name);
    },
    kept: (view, models) => {
      const wanted = models.map((model) => model.kept.map(textOf));
      for (const model of models) model.kept.splice(0, 2);
      const look = () => {
        const texts = kept.map((value) => text(value()));
        kept.splice(0, 2);
        return texts;
      };
      return view.apply(look).then((found) => assert.equal(found, wanted));
    },
    passOn: (view, models) => {
      const [name, values] = this.#common(models) ?? [];
      if (name === undefined || values === undefined || models.length < 2) return undefined;
      const [n, to] = [this.#numberOf(), this.#dice.pick(NAMES)];
      const isRing = this.#dice.next() < 0.5;
      const from = (i: number) => (isRing ? (i + models.length - 1) % models.length : 0);
      const passed = values.map((value, i) => (from(i) === i ? value : copyOf(values[from(i)] as Value)));
      for (const value of values) scribble(value, n);
      for (const [i, { names }] of models.entries()) names.set(to, passed[i] as Value);
      return view.apply(passOn, name, to, view.targets as readonly number[], n, isRing);
    },
  };
}

/** On an engine: a value goes to others, and changes at once when it has left. */
async function passOn(name: string, to: string, ranks: readonly number[], n: number, isRing: boolean): Promise<void> {
  const own = Reflect.get(globalThis, name) as Value;
  const [at, size] = [ranks.indexOf(engine.id), ranks.length];
  const ring = async () => {
    const sent = engine.send(ranks[(at + 1) % size] as number, 'ring', own);
    const came = await engine.recv(ranks[(at + size - 1) % size] as number, 'ring');
    await sent;
    return came;
  };
  const value = isRing ? await ring() : await engine.broadcast(own, { root: 0, ranks });
  change(own, n);
  Reflect.set(globalThis, to, value);
}
