import { isIndexKey } from './targets.ts';

// Asked for by the language, by inspectors and by test runners: no index, and no typing error either.
const SILENT = new Set([
  'then',
  'toJSON',
  'constructor',
  'inspect',
  'nodeType',
  'asymmetricMatch',
  'tagName',
  'splice',
]);

/**
 * A class whose instances take unknown property names as indices: `rc[0]`, `rc[-1]`, `rc['::2']`, without a Proxy around
 * the instance.
 */
export abstract class Indexable<One, Many> {
  readonly [index: number]: One;
  readonly [slice: `${string}:${string}`]: Many;
  // The keys that everybody types, so that `noUncheckedIndexedAccess` does not make them possibly undefined.
  declare readonly 0: One;
  declare readonly 1: One;
  declare readonly 2: One;
  declare readonly 3: One;
  declare readonly [-1]: One;
  declare readonly ':': Many;
  declare readonly '::2': Many;
  declare readonly '1::2': Many;
  readonly #at: (key: string) => One | Many;

  /** `at` gives the member of an index or slice. */
  constructor(at: (key: string) => One | Many) {
    this.#at = at;
  }

  static {
    // The proxy is the *prototype*: own and inherited members are found first, `this` stays the real instance, and only
    // names that nothing else defines come here.
    const fallback = new Proxy(Object.prototype, {
      get(target, key, receiver: object) {
        const isIndex = typeof key === 'string' && !SILENT.has(key) && !(key in target) && #at in receiver;
        return isIndex ? receiver.#at(key) : Reflect.get(target, key, receiver);
      },
      has: (target, key) => Reflect.has(target, key) || (typeof key === 'string' && isIndexKey(key)),
    });
    Object.setPrototypeOf(Indexable.prototype, fallback);
  }
}
