import type { EngineMemory } from '../../src/protocol/methods.ts';
import { isKept, Shadows } from './shadows.ts';
import { sizeInBytes } from './sizes.ts';
import { UnseenNames } from './unseen-names.ts';

const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]{0,127}$/u;
/** Characters of a name in an error. */
const MAX_SHOWN = 200;
/** Ways to the prototypes that objects share. */
const POLLUTING = new Set(['constructor', 'prototype']);
const FORBIDDEN = new Set(['__proto__', 'globalThis', 'undefined', 'NaN', 'Infinity']);

interface Owner {
  [name: string]: unknown;
}

const globals: Owner = globalThis;
// Behind it, globalThis has names that clients provide, which are not the engine's.
const OBJECT = Object.prototype;

/** The parts that are told about values of names. */
export interface NamespaceOptions {
  /** True for values that the namespace sets as unseen: tensors on the device and arrays of numbers. */
  isNumbers?(value: unknown): value is object;
  /** True for device memory: what user code has seen of it is freed when nobody references it. */
  isCollected?(value: unknown): boolean;
  /** User code has the value from now on. */
  seen?(value: object): void;
  /** No name holds the value any more. */
  released?(value: unknown): void;
  /** A verb or user code gets the value of a name. */
  read?(value: unknown): void;
  /** As `released`, for a value that another one has replaced, and that user code has not seen. */
  replaced?(value: object): void;
}

/** Frees the memory of a disposable value, such as a DeviceTensor. Never throws. */
export function dispose(value: unknown): void {
  const release = releaseOf(value);
  try {
    release?.call(value);
  } catch {
    // The value was freed already, or its device is gone.
  }
}

function releaseOf(value: unknown): (() => void) | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const owner = value as Record<PropertyKey, unknown>;
  const dispose = (Symbol as { dispose?: symbol }).dispose ?? Symbol.for('Symbol.dispose');
  const found = [owner['dispose'], owner['free'], owner[dispose]].find((f) => typeof f === 'function');
  return found as (() => void) | undefined;
}

// An assignment makes a plain property of a getter. Setters of Node would keep the value where `clear` cannot find it.
function replaceable(name: string, found: PropertyDescriptor): void {
  const set = (value: unknown) =>
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });
  Object.defineProperty(globalThis, name, { ...found, set });
}

/**
 * The user's names on an engine. They are properties of globalThis, so pushed names are free variables of every function.
 * Names of built-ins that the engine needs are shadows instead. Names from before the first task are the baseline and not
 * the user's.
 */
export class UserNamespace {
  readonly shadows = new Shadows();
  readonly #engine: () => string;
  readonly #options: NamespaceOptions;
  readonly #unseen: UnseenNames;
  #baseline = new Map<string, PropertyDescriptor>();

  /** `engine` gives the engine's name for messages: `engine 2`. */
  constructor(engine: () => string, options: NamespaceOptions = {}) {
    this.#engine = engine;
    this.#options = options;
    this.#unseen = new UnseenNames({
      seen: (value) => options.seen?.(value),
      replaced: (value) => this.#free(value),
    });
  }

  /** Makes all present globals the baseline, and constants of those that the engine needs. The engine's own come first. */
  markBaseline(): void {
    this.shadows.protect();
    for (const [name, found] of Object.entries(Object.getOwnPropertyDescriptors(globalThis))) {
      if (found.get !== undefined && found.configurable === true) replaceable(name, found);
    }
    this.#baseline = new Map(Object.entries(Object.getOwnPropertyDescriptors(globalThis)));
  }

  /** Runs `load`; globals that it makes (navigator, GPUBufferUsage, …) join the baseline. For libraries. */
  async adopting<T>(load: () => Promise<T>): Promise<T> {
    const users = new Set(this.names());
    try {
      return await load();
    } finally {
      for (const name of this.names().filter((n) => !users.has(n))) {
        this.#baseline.set(name, Object.getOwnPropertyDescriptor(globalThis, name) as PropertyDescriptor);
      }
    }
  }

  /** Names that the user has set, in the order of setting. */
  names(): string[] {
    this.#unseen.settle();
    const own = Object.getOwnPropertyNames(globalThis).filter((name) => !this.#isBaseline(name));
    return [...own, ...this.shadows.names()];
  }

  /** True for a name of the engine or of Node, as long as the user has not given it another value. */
  isBuiltIn(name: string): boolean {
    return this.#baseline.has(name) && !this.shadows.names().includes(name) && this.#isBaseline(name);
  }

  #isBaseline(name: string): boolean {
    const before = this.#baseline.get(name);
    if (before === undefined) return false;
    const now = Object.getOwnPropertyDescriptor(globalThis, name);
    return before.get !== undefined || now?.get !== undefined
      ? before.get === now?.get
      : Object.is(before.value, now?.value);
  }

  /**
   * The value of a name or dotted name, for user code. @throws ReferenceError when it, or a part of it, is not there
   */
  get(path: string): unknown {
    const value = this.peek(path);
    this.#unseen.show(value);
    if (path.includes('.')) this.#unseen.show(this.#own(path.slice(0, path.indexOf('.'))));
    return value;
  }

  /** The value as `get` gives it, for the engine itself: user code does not get it. */
  peek(path: string): unknown {
    const [head = '', ...rest] = this.#split(path);
    const owner = this.#owner(head);
    if (!Object.hasOwn(owner, head) && !(head in OBJECT))
      throw new ReferenceError(`${head} is not defined on ${this.#engine()}`);
    let value = this.#unseen.peek(head) ?? owner[head];
    this.#options.read?.(value);
    let walked = head;
    for (const key of rest) {
      if (value === null || value === undefined || !(key in Object(value))) {
        throw new ReferenceError(`${walked}.${key} is not defined on ${this.#engine()}`);
      }
      value = (value as Owner)[key];
      walked += `.${key}`;
    }
    return value;
  }

  /** The values of the user's names; getters are not called. */
  values(): unknown[] {
    const values = this.names().map((name) => this.#own(name));
    for (const value of values) this.#options.read?.(value);
    return values;
  }

  /** The user's name that holds this very value, if there is one. */
  nameOf(value: unknown): string | undefined {
    return this.names().find((name) => this.#own(name) === value);
  }

  /** True if one of the user's names holds this very value. */
  holds(value: unknown): boolean {
    return this.names().some((name) => this.#own(name) === value);
  }

  /** Notes that user code is given this value. */
  show(value: unknown): void {
    this.#unseen.show(value);
  }

  /** True if no user code has had this value since it was set. */
  isUnseen(value: object): boolean {
    return this.#unseen.isUnseen(value);
  }

  has(path: string): boolean {
    try {
      this.peek(path);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Sets a name and frees its old value. Creates missing parents of a dotted name as plain objects.
   * @throws TypeError for text that is not a name, and for a parent that has no properties
   */
  set(path: string, value: unknown): void {
    const keys = this.#settable(path);
    const last = keys.pop() as string;
    if (keys.length === 0) {
      this.#setGlobal(last, value);
      return;
    }
    const parent = this.#parent(keys, path);
    const old = parent[last];
    parent[last] = value;
    if (old !== value) this.#release(old);
  }

  #setGlobal(name: string, value: unknown): void {
    const old = this.#own(name);
    const wasUnseen = typeof old === 'object' && old !== null && this.isUnseen(old);
    this.#unseen.forget(name);
    this.declare(name);
    const owner = this.#owner(name);
    const isHidden = owner === globals && this.#options.isNumbers?.(value) === true;
    if (!isHidden || !this.#unseen.define(name, value)) owner[name] = value;
    if (old === value) return;
    this.#release(old, wasUnseen);
    if (wasUnseen && !this.holds(old)) this.#options.replaced?.(old as object);
  }

  /**
   * Makes a name assignable by user code, even where the engine or Node has a getter or a constant of that name.
   * @throws TypeError for a name that nothing can have, such as `undefined`
   */
  declare(name: string): void {
    if (FORBIDDEN.has(name)) throw new TypeError(`${name} is not a name that ${this.#engine()} can set`);
    if (isKept(name)) {
      this.shadows.declare(name);
      return;
    }
    const found = Object.getOwnPropertyDescriptor(globalThis, name);
    if (found === undefined || found.writable === true || found.configurable !== true) return;
    Object.defineProperty(globalThis, name, { value: undefined, writable: true, configurable: true, enumerable: true });
  }

  /** Removes a user's name and frees its value; false when there is none. A shadowed global comes back. */
  delete(path: string): boolean {
    const keys = this.#settable(path);
    const last = keys.pop() as string;
    if (keys.length > 0) return this.#deleteIn(keys, last);
    if (this.shadows.has(last)) return this.#unshadow(last);
    if (!Object.hasOwn(globalThis, last) || this.#isBaseline(last)) return false;
    const old = this.#own(last);
    const wasUnseen = typeof old === 'object' && old !== null && this.isUnseen(old);
    this.#unseen.forget(last);
    const before = this.#baseline.get(last);
    // A name that the user made a constant stays.
    if (before !== undefined) Reflect.defineProperty(globalThis, last, before);
    else if (!Reflect.deleteProperty(globalThis, last)) Reflect.set(globalThis, last, undefined);
    this.#release(old, wasUnseen);
    return true;
  }

  /** Removes all the user's names and frees their values. Built-ins that the user replaced or removed come back. */
  clear(): void {
    for (const name of this.names()) this.delete(name);
    for (const [name, before] of this.#baseline) {
      if (!Object.hasOwn(globalThis, name)) Reflect.defineProperty(globalThis, name, before);
    }
  }

  /** Bytes by name, for names whose size is known: tensors, arrays of bytes, device tensors. */
  sizes(bytesOf: (value: unknown) => number = sizeInBytes): EngineMemory['names'] {
    const entries = this.names().map((name) => [name, bytesOf(this.#own(name))] as const);
    return Object.fromEntries(entries.filter(([, bytes]) => bytes > 0));
  }

  #unshadow(name: string): boolean {
    const old = this.#own(name);
    this.shadows.delete(name);
    this.#release(old);
    return true;
  }

  #deleteIn(keys: string[], last: string): boolean {
    if (!this.has(keys.join('.'))) return false;
    const parent = this.#parent(keys, [...keys, last].join('.'));
    const old = parent[last];
    const had = Object.hasOwn(parent, last) && Reflect.deleteProperty(parent, last);
    if (had) this.#release(old);
    return had;
  }

  #parent(keys: readonly string[], path: string): Owner {
    const [head = ''] = keys;
    if (!isKept(head)) this.declare(head);
    let owner = this.#owner(head);
    for (const key of keys) {
      if (owner[key] === undefined) owner[key] = {};
      const next = owner[key];
      if ((typeof next !== 'object' && typeof next !== 'function') || next === null) {
        throw new TypeError(
          `cannot set ${path} on ${this.#engine()}: ${key} is ${next === null ? 'null' : typeof next}`,
        );
      }
      owner = next as Owner;
    }
    return owner;
  }

  /** The object that holds the user's value of a name: globalThis, or the shadows. */
  #owner(name: string): Owner {
    return this.shadows.has(name) ? this.shadows.scope : globals;
  }

  // The value behind a plain property. Getters are not called, because the engine's own are lazy and costly.
  #own(name: string): unknown {
    return this.#unseen.peek(name) ?? Object.getOwnPropertyDescriptor(this.#owner(name), name)?.value;
  }

  // The value stays while another name holds it. Device memory that user code has seen stays while anybody does.
  #release(value: unknown, wasUnseen = false): void {
    if (typeof value !== 'object' || value === null || this.holds(value)) return;
    this.#options.released?.(value);
    if (wasUnseen || this.#options.isCollected?.(value) !== true) dispose(value);
  }

  #free(value: object): void {
    this.#release(value, true);
  }

  // `a.constructor.prototype.b` would change every object of the engine.
  #settable(path: string): string[] {
    const keys = this.#split(path);
    const way = keys.find((key) => POLLUTING.has(key));
    if (way !== undefined)
      throw new TypeError(`${JSON.stringify(path)} leads through ${way}, which ${this.#engine()} does not set`);
    return keys;
  }

  #split(path: string): string[] {
    const keys = typeof path === 'string' ? path.split('.') : [];
    const wrong = keys.length === 0 || keys.some((key) => !NAME.test(key) || FORBIDDEN.has(key));
    if (wrong)
      throw new TypeError(
        `${JSON.stringify(path.slice(0, MAX_SHOWN))} is not a name that ${this.#engine()} can set or read`,
      );
    return keys;
  }
}
