import { BoundedMap } from '../../src/util/bounded.ts';

/** The names of JavaScript and Node that the engine and its libraries read while they serve tasks. */
const KEPT: ReadonlySet<string> = new Set(
  `Object Function Array Number parseFloat parseInt Boolean String Symbol Promise RegExp Error AggregateError EvalError
   RangeError ReferenceError SyntaxError TypeError URIError JSON Math Intl ArrayBuffer Uint8Array Int8Array Uint16Array
   Int16Array Uint32Array Int32Array Float16Array Float32Array Float64Array Uint8ClampedArray BigUint64Array BigInt64Array
   DataView Map BigInt Set WeakMap WeakSet Proxy Reflect Iterator FinalizationRegistry WeakRef decodeURI decodeURIComponent
   encodeURI encodeURIComponent escape unescape eval isFinite isNaN SharedArrayBuffer Atomics WebAssembly global
   process Buffer`.split(/\s+/),
);

const WORD = [...KEPT].join('|');
const ASSIGNED = new RegExp(
  `(?<![\\w$.])(${WORD})\\s*(?:=(?![=>])|[-+*/%&|^]=|\\*\\*=|<<=|>>>?=|&&=|\\|\\|=|\\?\\?=|\\+\\+|--)|(?:\\+\\+|--)\\s*(${WORD})(?![\\w$])`,
  'g',
);

/** True for a name that stays what it is on globalThis: a user's value of that name is a shadow. */
export function isKept(name: string): boolean {
  return KEPT.has(name);
}

/**
 * The user's values under names of built-ins that the engine itself needs. They are properties of `scope`, and user code
 * that mentions such a name is evaluated with `scope` before globalThis.
 */
export class Shadows {
  readonly scope: Record<string, unknown> = Object.create(null);
  /** Finds a name that has a shadow; undefined while there is none. */
  #mentioned: RegExp | undefined;
  #generation = 0;

  /** Grows each time that a name gets a shadow or loses it. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Makes constants of the built-ins on globalThis. Constants cost nothing to read (measured), where getters would cost
   * every loop over `Math`.
   */
  protect(): void {
    for (const name of ['globalThis', ...KEPT]) {
      const found = Object.getOwnPropertyDescriptor(globalThis, name);
      if (found?.configurable !== true) continue;
      const constant = 'value' in found ? { writable: false } : { set: (value: unknown) => this.set(name, value) };
      Object.defineProperty(globalThis, name, { ...found, ...constant, configurable: false });
    }
  }

  /** Names that have a value of the user. */
  names(): string[] {
    return Object.keys(this.scope).filter((name) => this.scope[name] !== Reflect.get(globalThis, name));
  }

  has(name: string): boolean {
    return name in this.scope;
  }

  set(name: string, value: unknown): void {
    this.declare(name);
    this.scope[name] = value;
  }

  /** Makes a name assignable: until then its shadow has the built-in's value. */
  declare(name: string): void {
    if (this.has(name)) return;
    this.scope[name] = Reflect.get(globalThis, name);
    this.#noteNames();
  }

  /** The built-in comes back. */
  delete(name: string): void {
    delete this.scope[name];
    this.#noteNames();
  }

  /** True for source text that must be evaluated in the scope. Names of built-ins that it assigns become shadows. */
  concern(source: string): boolean {
    for (const [, before, after] of source.matchAll(ASSIGNED)) this.declare((before ?? after) as string);
    return this.#mentioned?.test(source) ?? false;
  }

  #noteNames(): void {
    this.#generation++;
    const names = Object.keys(this.scope);
    this.#mentioned = names.length === 0 ? undefined : new RegExp(`(?<![\\w$])(?:${names.join('|')})(?![\\w$])`);
  }
}

interface Entry<T> {
  readonly made: T;
  readonly isScoped: boolean;
  /** The shadows for which this entry is known to be right. */
  generation: number;
}

/** Compiled source texts, by their text. One that mentions a shadow is compiled anew once the shadow is there. */
export class CompiledTexts<T> {
  readonly #shadows: Shadows;
  readonly #compile: (source: string) => T;
  readonly #entries: BoundedMap<string, Entry<T>>;

  /** `limit`: texts that are remembered. */
  constructor(shadows: Shadows, limit: number, compile: (source: string) => T) {
    this.#shadows = shadows;
    this.#compile = compile;
    this.#entries = new BoundedMap(limit);
  }

  /** The same each time. Each short task comes here, so the text is looked through only when the shadows have changed. */
  get(source: string): T {
    const known = this.#entries.get(source);
    if (known !== undefined && known.generation === this.#shadows.generation) return known.made;
    const isScoped = this.#shadows.concern(source);
    const { generation } = this.#shadows;
    if (known === undefined || (isScoped && !known.isScoped)) {
      return this.#entries.set(source, { made: this.#compile(source), isScoped, generation }).made;
    }
    known.generation = generation;
    return known.made;
  }
}
