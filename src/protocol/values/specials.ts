// Structured clone cannot carry functions, tensors, references, URLs, the fields of errors, and large buffers without a copy.
// These parts of a value are found here and replaced by placeholders, which value-serializer.ts writes.
import { EventEmitter } from 'node:events';
import { URL, URLSearchParams } from 'node:url';
import { NotSerializableError } from '../../errors.ts';
import { isTFTensor, tensor } from '../../tensor/convert.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { ModuleFunction } from '../../util/module-function.ts';
import { isThenable } from '../../util/thenable.ts';
import { type AnyFunction, functionSource } from './functions.ts';
import { Ref } from './ref.ts';
import { errorKind } from './wire-kinds.ts';

/** Arrays and buffers of this many bytes or more travel as parts of their own. */
export const INLINE_BYTES = 1024;
/** Levels of nesting that a value may have: V8's own serializer overflows the stack at a few thousand. */
export const MAX_DEPTH = 1000;

/** A part of a value that is replaced by a placeholder. */
export type Special = Tensor | Ref | ModuleFunction | ArrayBuffer | URL | URLSearchParams | FunctionSource | ErrorAt;

/** A function, as its source text. */
export interface FunctionSource {
  readonly source: string;
}

/** An error: the index of its fields in `Replacer.errorFields`, and its kind in ERROR_CLASSES. */
export interface ErrorAt {
  readonly error: number;
  readonly kind: number;
}

/** The own fields of an error. */
export type ErrorFields = [name: string, enumerable: boolean, value: unknown][];

/** Is there anything inside that plain structured clone would lose or refuse? Most values: no. */
export function hasSpecials(value: unknown, seen?: Set<object>, depth = 0): boolean {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  if (depth > MAX_DEPTH) throw tooDeep();
  const visited = seen ?? new Set();
  if (visited.has(value)) return false;
  visited.add(value);
  return isSpecial(value) || someChild(value, (child) => hasSpecials(child, visited, depth + 1));
}

function tooDeep(): NotSerializableError {
  return new NotSerializableError(`nested deeper than ${MAX_DEPTH} levels: flatten it, or send it in parts`);
}

function isPlain(value: object): boolean {
  const proto = Object.getPrototypeOf(value);
  return proto === Object.prototype || proto === null || proto === Array.prototype;
}

function isSpecial(value: object): boolean {
  if (isPlain(value)) return isNamespace(value);
  if (isOurs(value) || value instanceof Error) return true;
  if (value instanceof ArrayBuffer) return value.byteLength >= INLINE_BYTES;
  return isTFTensor(value) || cannotTravel(value) !== undefined;
}

/** Objects of the language that only hold functions: V8 would carry them as empty objects. */
const NAMESPACES: ReadonlySet<object> = new Set([Math, JSON, Reflect, Atomics, Intl]);

function isNamespace(value: object): boolean {
  return Symbol.toStringTag in value && NAMESPACES.has(value);
}

function isOurs(value: object): value is Tensor | Ref | URL | URLSearchParams {
  return value instanceof Tensor || value instanceof Ref || value instanceof URL || value instanceof URLSearchParams;
}

// V8 refuses promises, weak maps and handles by itself, but would carry these as hollow objects.
function cannotTravel(value: object): string | undefined {
  if (value instanceof EventEmitter) return `an event emitter (${value.constructor.name}) cannot travel`;
  if (isThenable(value)) return 'a promise cannot travel: await it first';
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (isNamespace(value)) return `the built-in ${tag} cannot travel: engines have their own, ref('${tag}') names it`;
  if (tag.endsWith('Generator')) return `a ${tag} cannot travel: send its values, as in [...values]`;
  const type = classOf(value);
  return type === undefined || (type === tag && CLONED.has(type)) ? undefined : `an instance of ${type} ${REMEDY}`;
}

const REMEDY = 'cannot travel: send plain data, or make the instance on the engine';
/** Classes whose instances arrive as themselves. Objects of other realms have them too. */
const CLONED = new Set(
  'Object Array Map Set Date RegExp ArrayBuffer Number String Boolean BigInt Arguments'.split(' '),
);

/** The name of a value's class; undefined for an object without one. */
function classOf(value: object): string | undefined {
  const { constructor: type } = Object.getPrototypeOf(value) as { constructor?: unknown };
  return typeof type === 'function' ? type.name || 'an anonymous class' : undefined;
}

function someChild(value: object, test: (child: unknown) => boolean): boolean {
  if (Array.isArray(value)) return someItem(value, test);
  if (value instanceof Map) {
    for (const [key, item] of value) if (test(key) || test(item)) return true;
    return false;
  }
  if (value instanceof Set) {
    for (const item of value) if (test(item)) return true;
    return false;
  }
  for (const key of Object.keys(value)) if (test((value as Record<string, unknown>)[key])) return true;
  return false;
}

/** Holes of an array that somebody walks over; from then on it is read by its keys: it may have four billion in a few bytes. */
export const MAX_HOLES = 65_536;

// By index, because the keys of a large dense array are as many strings; by key once it turns out to be sparse.
function someItem(items: readonly unknown[], test: (item: unknown, key: number) => boolean): boolean {
  let holes = 0;
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (item === undefined && !(i in items)) {
      if (++holes > MAX_HOLES) return Object.keys(items).some((key) => Number(key) > i && test(items[+key], +key));
    } else if (test(item, i)) return true;
  }
  return false;
}

/** Copies the containers of a value, with a placeholder (an empty view, told by identity) for each special inside. */
export class Replacer {
  readonly specials = new Map<ArrayBufferView, Special>();
  /** The fields of each error, in the order in which the errors were met; they may hold specials and cycles. */
  readonly errorFields: ErrorFields[] = [];
  readonly #memo = new Map<object, object>();

  replace(value: unknown, depth = 0): unknown {
    if (typeof value === 'function') return this.#once(value, () => sourceOf(value as AnyFunction));
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
    if (depth > MAX_DEPTH) throw tooDeep();
    return this.#memo.get(value) ?? this.#object(value, depth);
  }

  #object(value: object, depth: number): object {
    if (value instanceof Error) return this.#error(value, depth);
    if (isSpecial(value)) return this.#once(value, () => asSpecial(value));
    if (Array.isArray(value)) return this.#array(value, depth);
    if (value instanceof Map) return this.#map(value, depth);
    if (value instanceof Set) return this.#set(value, depth);
    return isOpaque(value) ? value : this.#fields(value, this.#copy(value, {}), Object.keys(value), depth);
  }

  #copy<T extends object>(of: object, copy: T): T {
    this.#memo.set(of, copy);
    return copy;
  }

  #once(value: object, special: () => Special): object {
    const known = this.#memo.get(value);
    if (known !== undefined) return known;
    const placeholder = new Uint8Array(EMPTY);
    this.specials.set(placeholder, special());
    return this.#copy(value, placeholder);
  }

  #error(error: Error, depth: number): object {
    const fields: ErrorFields = [];
    const at = { error: this.errorFields.push(fields) - 1, kind: errorKind(error) };
    const placeholder = this.#once(error, () => at);
    for (const name of new Set(['name', 'message', 'stack', ...Object.getOwnPropertyNames(error)])) {
      const enumerable = Object.prototype.propertyIsEnumerable.call(error, name);
      fields.push([name, enumerable, this.replace(Reflect.get(error, name), depth + 1)]);
    }
    return placeholder;
  }

  #array(items: readonly unknown[], depth: number): object {
    const copy = this.#copy(items, new Array(items.length));
    // Keys keep holes and extra fields; long arrays go by index, because their keys are as many strings.
    if (items.length < INLINE_BYTES) return this.#fields(items, copy, Object.keys(items), depth);
    someItem(items, (item, key) => {
      copy[key] = this.replace(item, depth + 1);
      return false;
    });
    return copy;
  }

  #map(entries: Map<unknown, unknown>, depth: number): object {
    const copy = this.#copy(entries, new Map<unknown, unknown>());
    for (const [key, item] of entries) copy.set(this.replace(key, depth + 1), this.replace(item, depth + 1));
    return copy;
  }

  #set(items: Set<unknown>, depth: number): object {
    const copy = this.#copy(items, new Set<unknown>());
    for (const item of items) copy.add(this.replace(item, depth + 1));
    return copy;
  }

  #fields(from: object, to: object, keys: readonly string[], depth: number): object {
    for (const key of keys) put(to, key, this.replace(Reflect.get(from, key), depth + 1));
    return to;
  }
}

const EMPTY = new ArrayBuffer(0);

function sourceOf(fn: AnyFunction): Special {
  return fn instanceof ModuleFunction ? fn : { source: functionSource(fn) };
}

function asSpecial(value: object): Special {
  if (isOurs(value) || value instanceof ArrayBuffer) return value;
  if (!isTFTensor(value)) throw new NotSerializableError(cannotTravel(value) ?? 'it cannot travel');
  try {
    return tensor(value);
  } catch (error) {
    throw new NotSerializableError(`a tf.Tensor that cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

// Values whose content is not in their fields: V8 carries them, or refuses them, by itself.
function isOpaque(value: object): boolean {
  return !isPlain(value) && Object.prototype.toString.call(value) !== '[object Object]';
}

/** Sets a field, also one that is called `__proto__`. */
export function put(to: object, key: string, value: unknown): void {
  if (key !== '__proto__') (to as Record<string, unknown>)[key] = value;
  else Object.defineProperty(to, key, { value, writable: true, enumerable: true, configurable: true });
}
