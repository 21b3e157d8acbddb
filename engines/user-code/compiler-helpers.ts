// Compilers rewrite newer syntax into calls of small functions that they put at the top of the module. A function travels
// without its module, so the engine has them under the same names: those of tsc come from tslib, esbuild's are here.
import { createRequire } from 'node:module';

type AnyFunction = (...args: never[]) => unknown;
type Fields = Record<PropertyKey, unknown>;
type Steps = Iterator<unknown, unknown, unknown>;

/** The part of tslib that esbuild's helpers need, and everything else by name. */
interface TsLib extends Readonly<Record<string, unknown>> {
  readonly __await: new (value: unknown) => object;
}

let loaded: TsLib | undefined;

function tslib(): TsLib {
  loaded ??= createRequire(import.meta.url)('tslib') as TsLib;
  return loaded;
}

function has<T extends object>(holder: { has(key: T): boolean }, key: T, verb: string): void {
  if (!holder.has(key)) throw new TypeError(`Cannot ${verb} private member: the object's class does not have it`);
}

type PrivateMap = WeakMap<object, unknown>;

function privateGet(object: object, map: PrivateMap, getter?: AnyFunction): unknown {
  has(map, object, 'read');
  return getter === undefined ? map.get(object) : getter.call(object);
}

function privateSet(object: object, map: PrivateMap, value: unknown, setter?: (value: unknown) => void): unknown {
  has(map, object, 'write');
  if (setter === undefined) map.set(object, value);
  else setter.call(object, value);
  return value;
}

function privateAdd(object: object, map: PrivateMap | WeakSet<object>, value: unknown): void {
  if (map.has(object)) throw new TypeError('Cannot add the same private member more than once');
  if (map instanceof WeakSet) map.add(object);
  else map.set(object, value);
}

function privateMethod<F>(object: object, set: WeakSet<object>, method: F): F {
  has(set, object, 'call');
  return method;
}

function defineField<T>(object: object, key: PropertyKey, value: T): T {
  const field = { value, enumerable: true, configurable: true, writable: true };
  Object.defineProperty(object, typeof key === 'symbol' ? key : `${String(key)}`, field);
  return value;
}

function spreadValues(target: Fields, source: Fields | null | undefined): Fields {
  for (const key of Reflect.ownKeys(source ?? {})) {
    if (Object.prototype.propertyIsEnumerable.call(source, key)) defineField(target, key, source?.[key]);
  }
  return target;
}

function spreadProps(target: object, source: object): object {
  return Object.defineProperties(target, Object.getOwnPropertyDescriptors(source));
}

function objectRest(source: Fields, without: readonly PropertyKey[]): Fields {
  const rest = spreadValues({}, source);
  for (const key of without) delete rest[key];
  return rest;
}

/** An async function as a generator: each `yield` is an `await`. */
function asyncSteps(self: unknown, args: unknown, generator: AnyFunction): Promise<unknown> {
  const steps = generator.apply(self, (args ?? []) as never[]) as Required<Steps>;
  const run = async () => {
    let step = steps.next();
    while (!step.done) step = await settle(step.value, steps);
    return step.value;
  };
  return run();
}

async function settle(value: unknown, steps: Required<Steps>): Promise<IteratorResult<unknown>> {
  let settled: unknown;
  try {
    settled = await value;
  } catch (error) {
    return steps.throw(error);
  }
  return steps.next(settled);
}

/** `for await`: the iterator of an iterable whose items may be promises. */
function forAwait(iterable: object, key = Symbol.asyncIterator, make?: AnyFunction): object {
  const values = Reflect.get(tslib(), '__asyncValues') as (iterable: object) => object;
  return make === undefined ? values(iterable) : (iterable as Record<symbol, () => object>)[key]!();
}

/** `yield*` of an async generator: it yields what is awaited as tslib's `__await`, other values as they are. */
function* yieldAll(iterable: AsyncIterable<unknown> | Iterable<unknown>): Generator<unknown, unknown, unknown> {
  const { __await: Await } = tslib();
  const iterator = Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
  let ended = false;
  try {
    let step = (yield new Await(iterator.next())) as IteratorResult<unknown>;
    while (!step.done) step = (yield new Await(iterator.next(yield step.value))) as IteratorResult<unknown>;
    ended = true;
    return step.value;
  } finally {
    if (!ended) yield new Await(iterator.return?.());
  }
}

type Disposal = [isAsync: boolean, dispose?: AnyFunction, value?: unknown];

function using(stack: Disposal[], value: Fields | null | undefined, isAsync: boolean): unknown {
  if (value === null || value === undefined) {
    if (isAsync) stack.push([true]);
    return value;
  }
  const dispose = (isAsync ? value[symbolOf('asyncDispose')] : undefined) ?? value[symbolOf('dispose')];
  if (typeof dispose !== 'function') throw new TypeError('Object not disposable');
  stack.push([isAsync, dispose as AnyFunction, value]);
  return value;
}

function symbolOf(name: string): symbol {
  return (Reflect.get(Symbol, name) as symbol | undefined) ?? Symbol.for(`Symbol.${name}`);
}

function callDispose(stack: Disposal[], error: unknown, hasError: boolean): unknown {
  let failure = hasError ? { error } : undefined;
  const fail = (thrown: unknown) => {
    failure = { error: failure === undefined ? thrown : suppressing(thrown, failure.error) };
  };
  const next = (): unknown => {
    for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
      const [isAsync, dispose, value] = item;
      try {
        const result = dispose?.call(value);
        if (isAsync) return Promise.resolve(result).then(next, (thrown) => [fail(thrown), next()][1]);
      } catch (thrown) {
        fail(thrown);
      }
    }
    if (failure !== undefined) throw failure.error;
    return undefined;
  };
  return next();
}

function suppressing(error: unknown, suppressed: unknown): Error {
  const made = new Error('An error was suppressed during disposal');
  return Object.assign(made, { name: 'SuppressedError', error, suppressed });
}

function toESM(module: Fields | null, isNode?: number): Fields {
  const made: Fields = module === null ? {} : Object.create(Object.getPrototypeOf(module));
  if (isNode || module?.['__esModule'] !== true) defineField(made, 'default', module);
  for (const key of Object.keys(module ?? {})) if (!Object.hasOwn(made, key)) made[key] = module?.[key];
  return made;
}

const frozen = Object.freeze;

/** The helpers of esbuild and tsx that tslib does not have under these names. */
const ESBUILD = {
  __name: (fn: unknown) => fn,
  __publicField: defineField,
  __defNormalProp: defineField,
  __privateAdd: privateAdd,
  __privateGet: privateGet,
  __privateSet: privateSet,
  __privateMethod: privateMethod,
  __privateIn: (set: WeakSet<object>, object: unknown) => set.has(Object(object)),
  __privateWrapper: (object: object, map: PrivateMap, setter?: (value: unknown) => void, getter?: AnyFunction) => ({
    set _(value: unknown) {
      privateSet(object, map, value, setter);
    },
    get _() {
      return privateGet(object, map, getter);
    },
  }),
  __spreadValues: spreadValues,
  __spreadProps: spreadProps,
  __objRest: objectRest,
  __restKey: (key: unknown) => (typeof key === 'symbol' ? key : `${key}`),
  __async: asyncSteps,
  __forAwait: forAwait,
  __yieldStar: yieldAll,
  __using: using,
  __callDispose: callDispose,
  __knownSymbol: symbolOf,
  __typeError: (message: string) => {
    throw new TypeError(message);
  },
  __pow: (base: number, exponent: number) => base ** exponent,
  __template: (cooked: unknown[], raw?: unknown[]) =>
    frozen(Object.defineProperty(cooked, 'raw', { value: frozen(raw ?? cooked.slice()) })),
  __toESM: toESM,
  __commonJS: (
    modules: Record<string, (exports: object, module: { exports: object }) => void>,
    module?: { exports: object },
  ) =>
    function require(): object {
      if (module === undefined) {
        module = { exports: {} };
        for (const make of Object.values(modules)) make(module.exports, module);
      }
      return module.exports;
    },
};

const NAME = /(?<![\w$.'"`])(?:__[A-Za-z]\w*|tslib_\d+)/g;

/** A helper by the name that compiled code calls it by; undefined for an unknown name. */
function helper(name: string, load: (specifier: string) => Promise<unknown>): unknown {
  if (Object.hasOwn(ESBUILD, name)) return Reflect.get(ESBUILD, name);
  if (name === '__vite_ssr_dynamic_import__') return load;
  return name.startsWith('tslib_') ? tslib() : tslib()[name];
}

/**
 * The helpers that a source mentions: their names and values.
 * @param load carries out `import()`, which vitest replaces by a helper
 */
export function helpersIn(source: string, load: (specifier: string) => Promise<unknown>): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name] of source.includes('_') ? source.matchAll(NAME) : []) {
    const value = found.has(name) ? undefined : helper(name, load);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}
