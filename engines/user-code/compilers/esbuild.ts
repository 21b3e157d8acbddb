// The helpers that esbuild and tsx print at the top of a module, under the names of esbuild.
import { startRequire } from '../start-folder.ts';
import { DECORATORS } from './esbuild-decorators.ts';
import { tslib } from './tslib.ts';

type AnyFunction = (...args: never[]) => unknown;
type Fields = Record<PropertyKey, unknown>;
type Steps = Iterator<unknown, unknown, unknown>;

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

/** `yield*` of a generator. An async one yields what is awaited as tslib's `__await`, other values as they are. */
function* yieldAll(iterable: AsyncIterable<unknown> | Iterable<unknown>): Generator<unknown, unknown, unknown> {
  const { __await: Await } = tslib();
  // esbuild writes it into plain generators, too.
  if (!(Symbol.asyncIterator in iterable)) return yield* iterable;
  const iterator = iterable[Symbol.asyncIterator]();
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

function superOf(type: object): object {
  return Object.getPrototypeOf(type) as object;
}

function superGet(type: object, self: object, key: PropertyKey): unknown {
  return Reflect.get(superOf(type), key, self);
}

function superSet<T>(type: object, self: object, key: PropertyKey, value: T): T {
  Reflect.set(superOf(type), key, value, self);
  return value;
}

const frozen = Object.freeze;

/** The helpers of esbuild and tsx that tslib does not have under these names. */
export const ESBUILD = {
  ...DECORATORS,
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
  __superGet: superGet,
  __superSet: superSet,
  __superWrapper: (type: object, self: object, key: PropertyKey) => ({
    set _(value: unknown) {
      superSet(type, self, key, value);
    },
    get _() {
      return superGet(type, self, key);
    },
  }),
  __require: startRequire,
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
