import type { AnyFunction } from '../../src/protocol/values/functions.ts';

const bound = new WeakMap<object, WeakMap<AnyFunction, AnyFunction>>();

/** A function that is called on `owner` where it is called on nothing; in all else the function itself. One per pair. */
export function boundMethod(owner: unknown, fn: AnyFunction): AnyFunction {
  const methods = methodsOf(Object(owner) as object);
  const known = methods.get(fn);
  if (known !== undefined) return known;
  const made = new Proxy(fn, {
    apply: (target, self: unknown, args) => Reflect.apply(target as () => unknown, self ?? owner, args),
  });
  methods.set(fn, made);
  return made;
}

function methodsOf(owner: object): WeakMap<AnyFunction, AnyFunction> {
  const known = bound.get(owner);
  if (known !== undefined) return known;
  const made = new WeakMap<AnyFunction, AnyFunction>();
  bound.set(owner, made);
  return made;
}
