import { decodeBody, type Revivers } from '../../src/protocol/codec.ts';
import type { TaskId } from '../../src/protocol/messages.ts';
import type { TravellingName, TravellingValue } from '../../src/protocol/travelling-names.ts';
import { BoundedMap } from '../../src/util/bounded.ts';
import type { Evaluator } from './evaluate.ts';
import type { UserNamespace } from './namespace.ts';

/** Clients whose names are kept; a death of a client frees its own. */
const MAX_CLIENTS = 64;

/** The parts that decode values and tell the engine's own names. */
export interface ProvidedNamesParts {
  readonly namespace: UserNamespace;
  readonly evaluator: Pick<Evaluator, 'fresh' | 'module'>;
  readonly revivers: Revivers;
  readonly clientOf: (task: TaskId) => string;
}

type ThereValue = Exclude<TravellingValue, { kind: 'missing' }>;

/** A source of `functionSource` that is a class. */
const CLASS = /^(?:\/\* sloppy \*\/ )?class\b/;

class Box {
  readonly value: unknown;
  constructor(value: unknown) {
    this.value = value;
  }
}

/** The names of one client. */
interface ClientNames {
  /** Stands behind globalThis: a name that the engine has is found before it. */
  readonly scope: object;
  /** Values of names that the engine or Node has too: the notebook's hide them. */
  readonly hiding: Map<string, unknown>;
  /** Why a name is not there. */
  readonly missing: Map<string, string>;
}

/**
 * The values that functions of a notebook find for its names, per client. A name that the user has set on the engine wins; `clear`
 * leaves these as they are. They are properties of an object behind globalThis, so that code finds them as any global.
 */
export class ProvidedNames {
  readonly #parts: ProvidedNamesParts;
  readonly #clients = new BoundedMap<string, ClientNames>(MAX_CLIENTS);
  /** The prototype of globalThis. */
  readonly #behind = Object.getPrototypeOf(globalThis) as object;
  #task: TaskId = '';
  #current: ClientNames | undefined;

  constructor(parts: ProvidedNamesParts) {
    this.#parts = parts;
  }

  /** A task begins: names of its client are found from now on. Each short task comes here. */
  enter(task: TaskId): void {
    this.#task = task;
    if (this.#clients.size > 0) this.#show(this.#clients.get(this.#parts.clientOf(task)));
  }

  /** Why the running task does not find a name of its client. */
  reasonOf(name: string): string | undefined {
    return this.#current?.missing.get(name);
  }

  /** The client is gone for good. */
  forget(client: string): void {
    if (this.#clients.get(client) === this.#current) this.#show(undefined);
    this.#clients.delete(client);
  }

  /** The client of the running task gives these; each may use those before it. A value that fails throws where it is used. */
  async set(names: readonly TravellingName[]): Promise<undefined> {
    const own = this.#own();
    for (const { name, value } of names) {
      if (value.kind === 'missing') {
        this.#takeAway(own, name, value.reason);
        continue;
      }
      own.missing.delete(name);
      const made = await this.#made(value, name in own.scope || own.hiding.has(name));
      if (this.#parts.namespace.isBuiltIn(name) || own.hiding.has(name)) this.#hideBuiltIn(own, name, made);
      else Object.defineProperty(own.scope, name, { ...made, configurable: true, enumerable: true });
    }
    return undefined;
  }

  /** The names of the client whose task runs; they are found from now on. */
  #own(): ClientNames {
    const client = this.#parts.clientOf(this.#task);
    const own = this.#clients.get(client) ?? { scope: {}, hiding: new Map(), missing: new Map() };
    // The newest one again.
    this.#clients.delete(client);
    this.#clients.set(client, own);
    this.#show(own);
    return own;
  }

  #takeAway(own: ClientNames, name: string, reason: string): void {
    this.#bare(own, name);
    own.hiding.delete(name);
    Reflect.deleteProperty(own.scope, name);
    own.missing.set(name, reason);
  }

  async #made(value: ThereValue, isAgain: boolean): Promise<PropertyDescriptor> {
    try {
      return { value: (await this.#valueOf(value, isAgain)).value, writable: true };
    } catch (error) {
      const get = () => {
        throw error;
      };
      return { get };
    }
  }

  async #valueOf(value: ThereValue, isAgain: boolean): Promise<Box> {
    const { evaluator, revivers } = this.#parts;
    // In a box: a value may have a method `then`.
    if (value.kind === 'value') {
      const fn = (source: string) => (isAgain && CLASS.test(source) ? evaluator.fresh(source) : revivers.fn(source));
      return new Box(decodeBody(value.body, { ...revivers, fn }));
    }
    const module = (await evaluator.module(value.specifier)) as Record<string, unknown>;
    return new Box(value.exported === null ? module : module[value.exported]);
  }

  #hideBuiltIn(own: ClientNames, name: string, made: PropertyDescriptor): void {
    this.#bare(own, name);
    own.hiding.delete(name);
    // The engine's own is better than none.
    if (made.get !== undefined) return;
    own.hiding.set(name, made.value);
    this.#parts.namespace.set(name, made.value);
  }

  #show(names: ClientNames | undefined): void {
    const before = this.#current;
    this.#current = names;
    if (before !== names) {
      for (const name of before?.hiding.keys() ?? []) this.#bare(before as ClientNames, name);
      Object.setPrototypeOf(this.#behind, names?.scope ?? Object.prototype);
    }
    // `clear` has brought a built-in back.
    for (const [name, value] of names?.hiding ?? []) {
      if (this.#parts.namespace.isBuiltIn(name)) this.#parts.namespace.set(name, value);
    }
  }

  /** The built-in comes back, unless the user has given the name another value. */
  #bare({ hiding }: ClientNames, name: string): void {
    const { namespace } = this.#parts;
    if (hiding.has(name) && namespace.has(name) && namespace.peek(name) === hiding.get(name)) namespace.delete(name);
  }
}
