import { isIndexKey, seemsIndexKey } from './targets.ts';

/**
 * A class whose instances take unknown property names that look like an index as one: `rc[0]`, `rc[-1]`, `rc['::2']`,
 * without a Proxy around the instance. Any other unknown name is undefined, as on every object: completion, inspectors
 * and test runners probe for names.
 */
export abstract class Indexable<One, Many> {
  readonly [index: number]: One;
  readonly [slice: `${string}:${string}`]: Many;
  readonly [list: `${number},${string}`]: Many;
  // The keys that everybody types, so that `noUncheckedIndexedAccess` does not make them possibly undefined.
  declare readonly 0: One;
  declare readonly 1: One;
  declare readonly 2: One;
  declare readonly 3: One;
  declare readonly [-1]: One;
  declare readonly all: Many;
  declare readonly ':': Many;
  declare readonly '::2': Many;
  declare readonly '1::2': Many;
  readonly #at: (key: string) => One | Many;

  /** `at` gives the member of an index or slice. */
  constructor(at: (key: string) => One | Many) {
    this.#at = at;
  }

  static {
    // The proxy is the *prototype*: own and inherited members are found first, and `this` stays the real instance. Only
    // names that nothing else defines come here.
    const fallback = new Proxy(Object.prototype, {
      get(target, key, receiver: object) {
        const isIndex = typeof key === 'string' && seemsIndexKey(key) && #at in receiver;
        return isIndex ? receiver.#at(key) : Reflect.get(target, key, receiver);
      },
      has: (target, key) => Reflect.has(target, key) || (typeof key === 'string' && isIndexKey(key)),
    });
    Object.setPrototypeOf(Indexable.prototype, fallback);
  }
}
