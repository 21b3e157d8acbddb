// What a task needs before its user code runs: modules of `fromModule`, and `tf` and `gpu`, which are synchronous names
// for users but load asynchronously, at first use. Nothing here is imported before a task mentions it.
import { KERNELS } from '../../src/util/module-function.ts';
import type { GpuContext, Tfjs } from '../contexts/context.ts';
import type { Bridge } from '../device/bridge.ts';

type Load = () => Promise<unknown>;

const MENTIONS = { tf: /\btf\b/, gpu: /\bgpu\b/ } as const;
export type LazyName = keyof typeof MENTIONS;

export interface LibrariesOptions {
  readonly context: () => Promise<GpuContext>;
  readonly bridge: Bridge;
  /** Runs a load whose globals are not the user's. */
  readonly adopting: <T>(load: () => Promise<T>) => Promise<T>;
}

export class Libraries {
  /** What stands between user code and the two. */
  readonly bridge: Bridge;
  readonly #context: () => Promise<GpuContext>;
  readonly #adopting: LibrariesOptions['adopting'];
  readonly #loaded = new Map<string, unknown>();
  #plain: Promise<Tfjs> | undefined;
  #wanted = new Map<string, Load>();

  constructor({ context, bridge, adopting }: LibrariesOptions) {
    this.bridge = bridge;
    this.#context = context;
    this.#adopting = adopting;
  }

  /** Defines `tf` and `gpu` on globalThis as names that say how to load them until they are. */
  install(engine: () => string): void {
    for (const name of ['tf', 'gpu'] as const) {
      Object.defineProperty(globalThis, name, {
        configurable: true,
        get: () => this.#get(name, engine),
        set: (value: unknown) =>
          Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true }),
      });
    }
  }

  /** Notes what source text mentions and is not loaded. */
  mention(source: string): void {
    for (const name of ['tf', 'gpu'] as const) {
      if (!this.#loaded.has(name) && MENTIONS[name].test(source)) this.#wanted.set(name, () => this.load(name));
    }
  }

  /** The export of a module, or a note that it must be loaded first (`undefined`, and `wanted` is true). */
  module(url: string, name: string): unknown {
    const module = this.#loaded.get(url) as Record<string, unknown> | undefined;
    if (module === undefined) {
      this.#wanted.set(url, () => (url === KERNELS ? importKernels() : import(url)));
      return undefined;
    }
    if (!(name in module)) throw new TypeError(`module ${url} has no export '${name}'`);
    return module[name];
  }

  get wanted(): boolean {
    return this.#wanted.size > 0;
  }

  /** Loads what was noted. */
  async settle(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = new Map();
    for (const [key, load] of wanted) this.#loaded.set(key, await load());
  }

  async load(name: LazyName): Promise<unknown> {
    if (this.#loaded.has(name)) return this.#loaded.get(name);
    const context = await this.#context();
    const { bridge } = this;
    const library = await this.#adopting(async () =>
      name === 'tf' ? bridge.forTF(await context.tf()) : bridge.forGpuJs(await context.gpu()),
    );
    this.#loaded.set(name, library);
    return library;
  }

  /** tfjs itself, for kernels: nothing stands between it and them. */
  async tf(): Promise<Tfjs> {
    const context = await this.#context();
    this.#plain ??= this.#adopting(() => context.tf());
    return this.#plain;
  }

  #get(name: LazyName, engine: () => string): unknown {
    if (this.#loaded.has(name)) return this.#loaded.get(name);
    throw new ReferenceError(`${name} is not loaded on ${engine()} yet: use it as \`await engine.${name}()\``);
  }
}

/** This engine's own kernels: a client names them, and need not know where they lie here. */
const importKernels = () => import('../../kernels/index.ts');
