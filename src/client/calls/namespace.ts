import type { Mode } from '../remote.ts';
import type { AsyncResult, PerTargetResult } from '../results/async-result.ts';

/** The calls behind reading, assigning and deleting a name. */
export interface NamespaceAccess {
  get(name: string): AsyncResult<unknown, unknown>;
  set(name: string, value: unknown): AsyncResult<unknown, unknown>;
  drop(name: string): AsyncResult<unknown, unknown>;
}

/**
 * The engines' namespaces as an object. `await ns.a` reads one value per target; `ns.a = 5` sends at once, and a failure
 * surfaces at the next await. TypeScript has one type for reading and assigning, so that names are unknown. `T` types them
 * for reading: by a cast, for a view of several targets, or of one ('one').
 * @example
 * const names = view.ns as Namespace<{ a: number }>;
 * const [first] = await names.a; // a number
 */
export type Namespace<T = never, M extends Mode = 'many'> = [T] extends [never]
  ? Record<string, unknown>
  : { readonly [K in keyof T]: PerTargetResult<M, T[K]> };

/** An object whose names are the engines'. */
export function namespaceProxy(access: NamespaceAccess): Namespace {
  return new Proxy(Object.create(null), {
    // A promise check must not look like a pull of `then`.
    get: (_, name) => (typeof name === 'symbol' || name === 'then' ? undefined : access.get(name)),
    set: (_, name, value) => typeof name === 'string' && access.set(name, value) !== undefined,
    deleteProperty: (_, name) => typeof name === 'string' && access.drop(name) !== undefined,
  }) as Namespace;
}
