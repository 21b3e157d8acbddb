import { ContextError } from '../../src/errors.ts';
import { KERNELS } from '../../src/util/module-function.ts';
import type { Tfjs } from '../contexts/context.ts';
import type { Identity } from '../identity.ts';
import type { UserNamespace } from '../user-code/namespace.ts';
import type { Bridge } from './bridge.ts';
import type { LazyContext } from './lazy-context.ts';

type Load = () => Promise<unknown>;

/** The names of libraries that load at first use. */
export type LazyName = 'tf' | 'gpu';

const MENTIONS: readonly (readonly [LazyName, RegExp])[] = [
  ['tf', /\btf\b/],
  ['gpu', /\bgpu\b/],
];

/** Where libraries come from, and where the globals that they make belong. */
export interface LibrariesOptions {
  readonly identity: Identity;
  readonly context: LazyContext;
  readonly bridge: Bridge;
  /** Adopts the globals that a library makes: they are not the user's. */
  readonly namespace: UserNamespace;
}

/**
 * Everything that a task needs before its user code runs: modules of `fromModule`, and `tf` and `gpu`. Users use these
 * synchronously, but they load asynchronously. Nothing is imported before a task mentions it.
 */
export class Libraries {
  /** Stands between user code and the two libraries. */
  readonly bridge: Bridge;
  readonly #identity: Identity;
  readonly #context: LazyContext;
  readonly #namespace: UserNamespace;
  readonly #loaded = new Map<string, unknown>();
  #plain: Promise<Tfjs> | undefined;
  #wanted = new Map<string, Load>();

  constructor({ identity, context, bridge, namespace }: LibrariesOptions) {
    this.#identity = identity;
    this.bridge = bridge;
    this.#context = context;
    this.#namespace = namespace;
  }

  /** Defines `tf` and `gpu` on globalThis. Until they are loaded, reading them throws an error that says how to. */
  install(): void {
    for (const [name] of MENTIONS) {
      Object.defineProperty(globalThis, name, {
        configurable: true,
        get: () => this.#get(name),
        set: (value: unknown) =>
          Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true }),
      });
    }
  }

  /** Notes the libraries that the source text mentions and that are not loaded. */
  mention(source: string): void {
    // A task may have variables of these names.
    if (this.#context.refusal !== undefined) return;
    for (const [name, mentioned] of MENTIONS) {
      if (!this.#loaded.has(name) && mentioned.test(source)) this.#wanted.set(name, () => this.load(name));
    }
  }

  /** The export of a module. Undefined if the module must be loaded first: then `wanted` is true. */
  module(url: string, name: string): unknown {
    const module = this.#loaded.get(url) as Record<string, unknown> | undefined;
    if (module === undefined) {
      this.#wanted.set(url, () => (url === KERNELS ? importKernels() : import(url)));
      return undefined;
    }
    if (!(name in module)) throw new TypeError(`module ${url} has no export '${name}'`);
    return module[name];
  }

  /** True while something is noted that must be loaded. */
  get wanted(): boolean {
    return this.#wanted.size > 0;
  }

  /** Loads everything that is noted. */
  async settle(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = new Map();
    // One after the other: a library's globals are adopted while it loads, and a user's module may make others.
    for (const [key, load] of wanted) this.#loaded.set(key, await load());
  }

  /** The library as user code sees it; the first call loads it. @throws ContextError */
  async load(name: LazyName): Promise<unknown> {
    if (this.#loaded.has(name)) return this.#loaded.get(name);
    const context = await this.#context.open();
    const { bridge } = this;
    const library = await this.#namespace.adopting(async () =>
      name === 'tf' ? bridge.forTF(await context.tf()) : bridge.forGpuJs(await context.gpu()),
    );
    this.#loaded.set(name, library);
    return library;
  }

  /** tfjs itself, for kernels, without the bridge. @throws ContextError */
  async tf(): Promise<Tfjs> {
    const context = await this.#context.open();
    this.#plain ??= this.#namespace.adopting(() => context.tf());
    return this.#plain;
  }

  #get(name: LazyName): unknown {
    if (this.#loaded.has(name)) return this.#loaded.get(name);
    if (this.#context.refusal !== undefined) throw new ContextError(this.#context.refusal);
    throw new ReferenceError(
      `${name} is not loaded on ${this.#identity.name} yet: use it as \`await engine.${name}()\``,
    );
  }
}

/** Imports this engine's own kernels: a client names them and need not know where they are installed. */
const importKernels = () => import('../../kernels/index.ts');
