import type { AsyncResult } from '../results/async-result.ts';

/** The calls behind reading, assigning and deleting a name. */
export interface NamespaceAccess<V> {
  get(name: string): AsyncResult<V, unknown>;
  set(name: string, value: unknown): AsyncResult<unknown, unknown>;
  drop(name: string): AsyncResult<unknown, unknown>;
}

/**
 * The engines' namespaces as an object. `await ns.a` reads one value per target; `ns.a = 5` sends at once, and a failure surfaces at the next await. Typed as
 * unknown because TypeScript has one type for reading and assigning.
 */
export type Namespace = Record<string, unknown>;

/** An object whose names are the engines'. */
export function namespaceProxy<V>(access: NamespaceAccess<V>): Namespace {
  return new Proxy(Object.create(null), {
    // A promise check must not look like a pull of `then`.
    get: (_, name) => (typeof name === 'symbol' || name === 'then' ? undefined : access.get(name)),
    set: (_, name, value) => typeof name === 'string' && access.set(name, value) !== undefined,
    deleteProperty: (_, name) => typeof name === 'string' && access.drop(name) !== undefined,
  }) as Namespace;
}
