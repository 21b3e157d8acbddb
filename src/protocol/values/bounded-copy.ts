import { EventEmitter } from 'node:events';
import { inspect, types } from 'node:util';
import { isThenable } from '../../util/thenable.ts';
import { put } from './specials.ts';
import { ERROR_CLASSES, errorKind, viewKind } from './wire-kinds.ts';

const MAX_DEPTH = 8;
/** Bytes of anything but text, about. */
const ITEM_BYTES = 8;
/** Objects with more fields than this give no fixed share to each of them. */
const SHARED_FIELDS = 32;
const LARGE_INTEGER = 2n ** 512n;
/** Fields that an error's copy gets from elsewhere. */
const ERROR_HEAD: ReadonlySet<string> = new Set(['name', 'message', 'stack']);

/** Gives the stack of an error that is copied. */
export type StackReader = (error: Error) => string;

/** The limits of a copy. */
export interface CopyOptions {
  /** Bytes of the copy, about. */
  readonly bytes: number;
  readonly stackOf: StackReader;
}

/**
 * A copy of a user's value that is sure to travel and stays within a number of bytes. Cycles and identity are kept. A text
 * describes each part that cannot be cloned: functions, sockets, promises, getters that throw. Long parts are cut,
 * and their end says so.
 */
export function boundedCopy(value: unknown, options: CopyOptions): unknown {
  return new Copier(options).copy(value, 0);
}

/**
 * A copy of an error that has these own fields of it, each with its share of the bytes, but no message and no stack. References
 * to the error become references to the copy.
 */
export function boundedError(error: Error, names: readonly string[], options: CopyOptions): Error {
  return new Copier(options).error(error, names);
}

class Copier {
  #left: number;
  readonly #stackOf: StackReader;
  readonly #copies = new Map<object, object>();

  constructor({ bytes, stackOf }: CopyOptions) {
    this.#left = bytes;
    this.#stackOf = stackOf;
  }

  copy(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.#text(value);
    if (typeof value === 'symbol' || typeof value === 'function') return this.#described(value);
    if (typeof value === 'bigint') return this.#integer(value);
    this.#left -= ITEM_BYTES;
    if (typeof value !== 'object' || value === null) return value;
    const known = this.#copies.get(value);
    if (known !== undefined) return known;
    return depth > MAX_DEPTH || this.#left <= 0 ? this.#described(value) : this.#object(value, depth);
  }

  #text(text: string): string {
    const fits = Math.max(0, Math.floor(this.#left / 2));
    this.#left -= 2 * Math.min(text.length, fits) + ITEM_BYTES;
    return text.length <= fits ? text : `${text.slice(0, fits)}… (${text.length - fits} characters are missing)`;
  }

  #integer(value: bigint): unknown {
    if (value > LARGE_INTEGER || value < -LARGE_INTEGER) return this.#text('a bigint of over 512 bits');
    this.#left -= ITEM_BYTES;
    return value;
  }

  #described(value: unknown): string {
    return this.#text(describe(value));
  }

  #object(value: object, depth: number): unknown {
    if (types.isProxy(value)) return this.#text('[Proxy]');
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return this.#bytes(value);
    if (value instanceof Error) return this.#whole(value, depth);
    if (Array.isArray(value)) return this.#array(value, depth);
    if (types.isMap(value)) return this.#map(value, depth);
    if (types.isSet(value)) return this.#set(value, depth);
    if (types.isDate(value) || types.isRegExp(value)) return value;
    if (value instanceof URL) return this.#text(value.href);
    return this.#instance(value, depth);
  }

  #bytes(value: ArrayBuffer | ArrayBufferView): unknown {
    const isKnown = value instanceof ArrayBuffer || viewKind(value) !== undefined;
    if (!isKnown || value.byteLength > this.#left) return this.#described(value);
    this.#left -= value.byteLength;
    return value;
  }

  #instance(value: object, depth: number): unknown {
    if (value instanceof EventEmitter || isThenable(value)) return this.#described(value);
    const names = Object.keys(value);
    const proto: object | null = Object.getPrototypeOf(value);
    if (proto !== null && proto !== Object.prototype) {
      const read = names.length === 0 ? readable(value, proto) : {};
      if (Object.keys(read).length > 0) return this.copy(read, depth);
      if (names.length === 0 || inspect.custom in value) return this.#described(value);
    }
    return this.#fields(value, this.#known(value, {}), names, depth + 1);
  }

  #known<T extends object>(of: object, copy: T): T {
    this.#copies.set(of, copy);
    return copy;
  }

  // Each field gets an equal share of what the fields before it have left.
  #fields<T extends object>(from: object, to: T, names: readonly string[], depth: number): T {
    names.forEach((name, i) => {
      if (this.#left <= 0 || name.length > this.#left) return;
      const rest = names.length > SHARED_FIELDS ? 0 : this.#left - Math.floor(this.#left / (names.length - i));
      this.#left -= rest + ITEM_BYTES + name.length;
      put(to, name, this.#field(from, name, depth));
      this.#left += rest;
    });
    return to;
  }

  #field(from: object, name: string, depth: number): unknown {
    try {
      return this.copy(Reflect.get(from, name), depth);
    } catch (error) {
      return this.#text(`[cannot be read: ${describe(error)}]`);
    }
  }

  #array(items: readonly unknown[], depth: number): object {
    const copy = this.#known<unknown[]>(items, []);
    for (let i = 0; i < items.length; i++) {
      if (this.#left <= 0) {
        copy.push(`… (${items.length - i} items are missing)`);
        break;
      }
      copy.push(this.#field(items, String(i), depth + 1));
    }
    return copy;
  }

  #map(entries: Map<unknown, unknown>, depth: number): object {
    const copy = this.#known(entries, new Map<unknown, unknown>());
    for (const [key, item] of entries) {
      if (this.#left <= 0) break;
      copy.set(this.copy(key, depth + 1), this.copy(item, depth + 1));
    }
    return copy;
  }

  #set(items: Set<unknown>, depth: number): object {
    const copy = this.#known(items, new Set<unknown>());
    for (const item of items) {
      if (this.#left <= 0) break;
      copy.add(this.copy(item, depth + 1));
    }
    return copy;
  }

  #whole(error: Error, depth: number): Error {
    const copy = this.error(error, [], depth);
    const head = { name: errorName(error), message: shortText(error.message), stack: stackText(error, this.#stackOf) };
    for (const [name, text] of Object.entries(head)) hide(copy, name, this.#text(text));
    const others = Object.getOwnPropertyNames(error).filter((name) => !ERROR_HEAD.has(name));
    return this.#errorFields(error, copy, others, depth);
  }

  /** Copies an error of the same native class, with these fields. */
  error(error: Error, names: readonly string[], depth = 0): Error {
    const type = ERROR_CLASSES[errorKind(error)] ?? Error;
    const copy = type === AggregateError ? new AggregateError([]) : new (type as ErrorConstructor)();
    // The stack would be that of this copying.
    hide(copy, 'stack', '');
    return this.#errorFields(error, this.#known(error, copy), names, depth);
  }

  #errorFields(error: Error, copy: Error, names: readonly string[], depth: number): Error {
    const fields = this.#fields(error, {}, names, depth + 1);
    for (const [name, value] of Object.entries(fields)) hide(copy, name, value, isEnumerable(error, name));
    return copy;
  }
}

function hide(to: object, name: string, value: unknown, enumerable = false): void {
  Object.defineProperty(to, name, { value, enumerable, writable: true, configurable: true });
}

// Fields that consoles hide by themselves stay hidden; those that a library hides, as zod its issues, are worth showing.
function isEnumerable(object: object, name: string): boolean {
  return (name !== 'errors' && name !== 'cause') || Object.prototype.propertyIsEnumerable.call(object, name);
}

/** A text of one line, also for hostile values. */
export function describe(value: unknown): string {
  const limits = { depth: 2, maxArrayLength: 20, maxStringLength: 2000, breakLength: Number.POSITIVE_INFINITY };
  try {
    return value instanceof Error ? `[${errorName(value)}: ${shortText(value.message)}]` : inspect(value, limits);
  } catch {
    return '[cannot be read]';
  }
}

/** Fields of an instance that has none of its own, as of a `Response`: the primitive values of its class's getters. */
function readable(value: object, proto: object): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
    if (get === undefined || name === '__proto__') continue;
    try {
      const item: unknown = get.call(value);
      if (item !== undefined && typeof item !== 'function' && Object(item) !== item) read[name] = item;
    } catch {
      // A getter of another kind of object: nothing to read.
    }
  }
  return read;
}

const MIN_CLASS_NAME = 3;

/** A value as text, as `String` gives it. Arrays are described: `String` walks over each place, and four billion may be holes. */
export function shortText(value: unknown): string {
  return isArray(value) ? describe(value) : String(value);
}

function isArray(value: unknown): boolean {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

/** The stack by `stackOf`; empty for an error whose name or message is an array: Node makes them text with the stack. */
export function stackText(error: Error, stackOf: StackReader): string {
  return isArray(error.name) || isArray(error.message) ? '' : stackOf(error);
}

/** The name of an error: its own one, else that of its class, unless a minifier made that one up. */
export function errorName(error: { readonly name: unknown }): string {
  const name = shortText(error.name);
  const isNative = ERROR_CLASSES.some((type) => type.name === name);
  if (!isNative || Object.hasOwn(error, 'name')) return name;
  const given: unknown = error.constructor?.name;
  return typeof given === 'string' && given.length >= MIN_CLASS_NAME && given !== 'Object' ? given : name;
}
