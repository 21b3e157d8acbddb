import { createHash } from 'node:crypto';
import { builtinModules } from 'node:module';
import { NotSerializableError } from '../../../errors.ts';
import { encodeBody } from '../../../protocol/codec.ts';
import type { CallsArguments, TravellingName, TravellingValue } from '../../../protocol/travelling-names.ts';
import { builtIn } from '../../../protocol/values/built-ins.ts';
import { type AnyFunction, functionSource } from '../../../protocol/values/functions.ts';
import { ModuleFunction } from '../../../util/module-function.ts';
import { javaScriptOf } from '../../../util/user-modules/typed-source.ts';
import { type Captured, capturedBy } from './captured.ts';
import { freeNames } from './free-names.ts';

/** Where the evaluator got a name from. */
export type NameOrigin =
  /** Code of the user has set it. */
  | { readonly kind: 'user' }
  | { readonly kind: 'import'; readonly specifier: string; readonly exported: string | null }
  /** The session has set it, such as `rc`: it means this process. */
  | { readonly kind: 'session' };

/** The questions of the search to the evaluator. */
export interface NameSource {
  /** Undefined for names of JavaScript and Node. */
  originOf(name: string): NameOrigin | undefined;
  /** True for the source of a function that a cell has made. */
  isOfCell(source: string): boolean;
}

/** Levels and items of a value in which functions are looked for. */
const MAX_DEPTH = 4;
const MAX_ITEMS = 1000;
const HIDDEN = { kind: 'missing', reason: 'names of this session do not travel now (%pxconfig --names)' } as const;
const HERE = "means something of this process; call it here and pass the function's arguments what it gives";

/**
 * The names of globalThis that functions and code of calls use: variables, functions, classes and imports of earlier
 * cells, and what these use. A value is encoded at each call, because it may have changed inside; bytes that are the
 * same keep their version.
 */
export class NotebookNames {
  readonly #source: NameSource;
  readonly #last = new Map<string, TravellingName>();
  /** Names that engines may have. */
  readonly #sent = new Set<string>();

  constructor(source: NameSource) {
    this.#source = source;
  }

  /** Takes back what engines have: names do not travel now. */
  hide(calls: CallsArguments): readonly TravellingName[] | undefined {
    if (this.#sent.size === 0) return undefined;
    const sent = this.#find(calls)?.filter(({ name }) => this.#sent.has(name));
    return sent?.map(({ name }) => ({ name, version: '', value: HIDDEN }));
  }

  /** @throws NotSerializableError for a function around which a local has the name of such a value, and another value */
  find(calls: CallsArguments): readonly TravellingName[] | undefined {
    const names = this.#find(calls);
    for (const { name } of names ?? []) this.#sent.add(name);
    return names;
  }

  #find(calls: CallsArguments): readonly TravellingName[] | undefined {
    const search = new Search(this.#source, this.#last);
    for (const call of Array.isArray(calls) ? calls : [calls]) search.call(call as object | undefined);
    return search.names.length === 0 ? undefined : search.names;
  }
}

/** The names that one call needs, those that others use before them. */
class Search {
  readonly names: TravellingName[] = [];
  readonly #source: NameSource;
  readonly #last: Map<string, TravellingName>;
  readonly #seen = new Set<unknown>();
  /** The value of each name of this call. */
  readonly #meant = new Map<string, unknown>();

  constructor(source: NameSource, last: Map<string, TravellingName>) {
    this.#source = source;
    this.#last = last;
  }

  call(call: object | undefined): void {
    if (call === undefined) return;
    const { code } = call as { code?: unknown };
    if (typeof code === 'string') for (const name of freeNames(javaScript(code))) this.#name(name);
    else this.#functionsIn(call, MAX_DEPTH);
  }

  #functionsIn(value: unknown, depth: number): void {
    if (typeof value === 'function') this.#function(value as AnyFunction);
    else if (depth > 0 && isPlain(value) && !this.#seen.has(value)) {
      this.#seen.add(value);
      let items = MAX_ITEMS;
      for (const item of itemsOf(value)) {
        if (items-- === 0) return;
        this.#functionsIn(item, depth - 1);
      }
    }
  }

  #function(fn: AnyFunction): void {
    if (this.#seen.has(fn)) return;
    this.#seen.add(fn);
    const source = sourceOf(fn);
    if (source === undefined) return;
    const free = [...freeNames(`(${source}\n)`)];
    const locals = this.#source.isOfCell(Function.prototype.toString.call(fn)) ? capturedBy(fn, free) : [];
    const own = new Map(locals.map((local) => [local.name, local]));
    for (const name of free) this.#nameOf(fn, name, own.get(name));
  }

  #nameOf(fn: AnyFunction, name: string, local: Captured | undefined): void {
    const global: unknown = Reflect.get(globalThis, name);
    if (local === undefined || Object.is(global, local.value)) this.#name(name);
    else if (local.isOfBlock || this.#source.originOf(name) === undefined)
      this.#value(name, local.value, { kind: 'user' });
    else throw ambiguous(fn.name, name);
  }

  #name(name: string): void {
    const origin = this.#source.originOf(name);
    if (origin !== undefined) this.#value(name, Reflect.get(globalThis, name), origin);
  }

  #value(name: string, value: unknown, origin: NameOrigin): void {
    if (this.#meant.has(name)) {
      if (Object.is(this.#meant.get(name), value)) return;
      throw new NotSerializableError(
        `functions of one call mean two values by '${name}', and engines know names by one value: give one of them another name`,
      );
    }
    this.#meant.set(name, value);
    if (origin.kind === 'user') this.#functionsIn(value, MAX_DEPTH);
    const isClass = typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
    const travelling = this.#travelling(name, travellingValue(name, value, origin), isClass ? this.names : []);
    this.#last.set(name, travelling);
    this.names.push(travelling);
  }

  #travelling(name: string, value: TravellingValue, parents: readonly TravellingName[]): TravellingName {
    const version = versionOf(value, parents);
    const last = this.#last.get(name);
    if (last?.version === version) return last;
    if (value.kind !== 'value') return { name, version, value };
    // A copy: the user does not see when these bytes leave, and may change the value meanwhile.
    return { name, version, value: { ...value, body: value.body.map((bytes) => new Uint8Array(bytes)) } };
  }
}

function travellingValue(name: string, value: unknown, origin: NameOrigin): TravellingValue {
  if (origin.kind === 'import') return origin;
  if (origin.kind === 'session') return { kind: 'missing', reason: `'${name}' ${HERE}` };
  const module = builtinModuleOf(name, value);
  if (module !== undefined) return { kind: 'import', specifier: `node:${module}`, exported: 'default' };
  try {
    return { kind: 'value', body: encodeBody(builtIn(value) ?? value) };
  } catch (error) {
    const { message } = error as Error;
    return {
      kind: 'missing',
      reason: `the value that it has here does not travel: ${message.replace(/^the value: /, '')}; it ${HERE}`,
    };
  }
}

/** The name of a module of Node that is this value. */
function builtinModuleOf(name: string, value: unknown): string | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  // Few modules are loaded for the question: some of Node's warn.
  const names = [name, ...MODULES].filter((one) => builtinModules.includes(one));
  return names.find((one) => process.getBuiltinModule(`node:${one}`) === value);
}

const MODULES = [
  'fs',
  'fs/promises',
  'os',
  'path',
  'util',
  'crypto',
  'url',
  'zlib',
  'child_process',
  'timers/promises',
];

// The source of a class may name a parent, whose change is a change of the class.
function versionOf(value: TravellingValue, parents: readonly TravellingName[]): string {
  const hash = createHash('sha1');
  if (value.kind !== 'value') return hash.update(JSON.stringify(value)).digest('base64');
  for (const bytes of value.body) hash.update(`${bytes.byteLength}:`).update(bytes);
  for (const { version } of parents) hash.update(version);
  return hash.digest('base64');
}

// Text that does not parse fails on the engine, which says where.
function javaScript(code: string): string {
  try {
    return javaScriptOf(code);
  } catch {
    return '';
  }
}

function sourceOf(fn: AnyFunction): string | undefined {
  // Engines have these of their own.
  if (fn instanceof ModuleFunction || builtIn(fn) !== undefined) return undefined;
  try {
    return functionSource(fn);
  } catch {
    return undefined; // the call itself says why it cannot travel
  }
}

// The engine would take the notebook's value for the local one.
function ambiguous(fn: string, name: string): NotSerializableError {
  return new NotSerializableError(
    `${fn || 'the function'} cannot travel: its '${name}' is a local variable around it, and engines would find the ` +
      `global '${name}' of this session instead; pass the value as an argument`,
  );
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function itemsOf(value: object): Iterable<unknown> {
  if (value instanceof Map) return [...value].flat();
  if (Array.isArray(value) || value instanceof Set) return value;
  const fields = Object.values(Object.getOwnPropertyDescriptors(value));
  return fields.map((field) => field.value as unknown);
}
