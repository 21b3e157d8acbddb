// Functions as source text and back. `(${source})` always evaluates to the function.
import { Script } from 'node:vm';
import { NotSerializableError } from '../../errors.ts';
import { BoundedMap } from '../../util/bounded.ts';
import { parseSource } from './source-kind.ts';

/** A function or a class. */
export type AnyFunction = ((...args: never[]) => unknown) | (abstract new (...args: never[]) => unknown);

/** Bytes of source that one function may have. */
export const MAX_SOURCE = 4 * 1024 * 1024;
const MAX_CACHED = 1000;
/** Longer sources are not kept: the cache takes at most some tens of megabytes. */
const MAX_CACHED_SOURCE = 32 * 1024;

/** Begins the source of a function that is known to be sloppy code: all others are made strict. */
const SLOPPY = '/* sloppy */ ';

/** True for the source of a function that was sloppy code where it came from. */
export function isSloppySource(source: string): boolean {
  return source.startsWith(SLOPPY);
}

/**
 * The source of a function, method, accessor or class as an expression: evaluating `(${source})` yields it again.
 * Closures do not travel: captured variables become free names.
 * @throws NotSerializableError for native and bound functions, sources over 4 MiB, and text that only parses in its class
 */
export function functionSource(fn: AnyFunction): string {
  const received = sources.get(fn);
  if (received !== undefined) return received;
  const text = Function.prototype.toString.call(fn);
  const source = expressions.get(text) ?? expressions.set(text, normalise(fn, text));
  return isSloppy(fn) ? SLOPPY + source : source;
}

const expressions = new BoundedMap<string, string>(MAX_CACHED);

// A field that each function of sloppy code has, where V8 gives them `caller`: up to Node 24.
const OF_SLOPPY = Object.hasOwn(new Function(), 'caller') ? 'caller' : 'prototype';

// Only functions of sloppy code that are written with `function` can be asked for their caller: others throw. An error takes
// 5 µs to make, so that those without the field are not asked.
function isSloppy(fn: AnyFunction): boolean {
  try {
    if (!Object.hasOwn(fn, OF_SLOPPY)) return false;
    const caller: unknown = Reflect.get(fn, 'caller');
    return caller === null || typeof caller === 'function';
  } catch {
    return false;
  }
}

function normalise(fn: AnyFunction, text: string): string {
  const name = fn.name || 'the function';
  if (/\{\s*\[native code\]\s*\}$/.test(text)) {
    throw new NotSerializableError(
      `${name} cannot travel: its source is native code (a built-in or bound function); wrap it in an arrow function`,
    );
  }
  if (text.length > MAX_SOURCE) {
    throw new NotSerializableError(`${name} cannot travel: its source has ${text.length} characters, over 4 MiB`);
  }
  const source = [text, asMethod(fn, text)].find((candidate) => candidate !== undefined && parses(candidate));
  if (source === undefined && /\bimport\s*\.\s*meta\b/.test(text)) {
    throw new NotSerializableError(
      `${name} cannot travel: import.meta exists only in its module; read it outside and pass the value as an argument`,
    );
  }
  if (source === undefined) {
    throw new NotSerializableError(
      `${name} cannot travel: its source does not parse outside of its class; wrap it in an arrow function`,
    );
  }
  return source;
}

function parses(source: string): boolean {
  try {
    new Script(`(${source}\n)`);
    return true;
  } catch {
    return false;
  }
}

// `async *name(x) {…}` → `({ async *f(x) {…} }).f`: still a method, so that `super` parses and its own name stays a free name.
function asMethod(fn: AnyFunction, text: string): string | undefined {
  const modifiers = /^(?:(?:get|set)\b(?!\s*\()|(async)\b(?!\s*\())?\s*(\*?)\s*/.exec(text);
  const [before = '', async = '', star = ''] = modifiers ?? [];
  const key = keyLength(text.slice(before.length));
  if (key === 0) return undefined;
  const rest = text.slice(before.length + key);
  const name = JSON.stringify(String(fn.name).replace(/^[gs]et /, ''));
  return `({ ${async} ${star}${name}${rest} })[${name}]`;
}

// How many characters the key of a method has: all up to the bracket that opens its parameters.
function keyLength(text: string): number {
  const key = /^(?:#?[\p{ID_Start}$_][\p{ID_Continue}$]*|[\d.][\w.]*|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/u.exec(text);
  return key === null ? computedLength(text) : key[0].length;
}

// `[expression]`: the shortest run up to a `]` after which the rest parses as a method.
function computedLength(text: string): number {
  if (!text.startsWith('[')) return 0;
  for (let end = text.indexOf(']'); end >= 0; end = text.indexOf(']', end + 1)) {
    if (/^\s*\(/.test(text.slice(end + 1)) && parses(`{ async *m${text.slice(end + 1)} }`)) return end + 1;
  }
  return 0;
}

const revived = new BoundedMap<string, unknown>(MAX_CACHED);

/** Classes that have not been evaluated yet, by what stands for them. */
const sources = new WeakMap<object, string>();

/**
 * The function of a source that an engine sent, callable here; one per distinct source. Free names are those of the
 * global scope. Nothing of the source runs before the function is called, or the class is used. Sources over 32 KiB are
 * not remembered.
 * @throws SyntaxError when the source is not that of one function or class
 */
export function reviveLocal(source: string): unknown {
  if (source.length > MAX_SOURCE) throw new SyntaxError(`a function of ${source.length} characters, over 4 MiB`);
  if (source.length > MAX_CACHED_SOURCE) return revive(source);
  return revived.has(source) ? revived.get(source) : revived.set(source, revive(source));
}

function revive(source: string): unknown {
  const { kind, name } = parseSource(source);
  return kind === 'class' ? lazyClass(source, name) : evaluate(source);
}

// A class with static blocks, or of a parent that is not here, is evaluated when somebody uses it. Promises ask a value
// for `then`, and consoles ask for its name: neither evaluates it.
function lazyClass(source: string, name: string): object {
  let made: object | undefined;
  const real = (): object => {
    made ??= evaluate(source) as object;
    return made;
  };
  const told: ReadonlyMap<PropertyKey, unknown> = new Map<PropertyKey, unknown>([
    ['name', name],
    ['then', undefined],
    ['toString', () => source],
    ['constructor', Function],
  ]);
  // A bound class can be constructed, and has no `prototype` that would have to be its own.
  const target = Object.defineProperty(Function.prototype.bind.call(class {}, undefined), 'name', { value: name });
  const lazy: object = new Proxy(target, {
    get: (_, key) => (made === undefined && told.has(key) ? told.get(key) : Reflect.get(real(), key)),
    set: (_, key, value) => Reflect.set(real(), key, value),
    has: (_, key) => Reflect.has(real(), key),
    apply: (_, self, args) => Reflect.apply(real() as () => unknown, self, args),
    construct: (_, args, by) =>
      Reflect.construct(real() as () => void, args, by === lazy ? (real() as () => void) : by),
  });
  sources.set(lazy, source);
  return lazy;
}

// Bundlers (esbuild's keepNames) wrap inner functions in __name(fn, "name"): a shim makes that harmless.
function evaluate(source: string): unknown {
  return make(source)((fn: unknown) => fn);
}

// Strict, as modules and classes are; sloppy code that is not strict code stays sloppy.
function make(source: string): (name: (fn: unknown) => unknown) => unknown {
  const sloppy = `return (${source}\n)`;
  try {
    return new Function('__name', isSloppySource(source) ? sloppy : `'use strict'; ${sloppy}`) as never;
  } catch {
    return new Function('__name', sloppy) as never;
  }
}
