import type { GpuContext, ProbedContext } from '../contexts/context.ts';
import type { UserNamespace } from '../user-code/namespace.ts';

/** The engine's GPU context: probed at the start, opened at first use. */
export class LazyContext {
  readonly #namespace: UserNamespace;
  #probed: ProbedContext | undefined;
  #opening: Promise<GpuContext> | undefined;
  #opened: GpuContext | null = null;

  /** The globals that the context's libraries make are not the user's: `namespace` adopts them. */
  constructor(namespace: UserNamespace) {
    this.#namespace = namespace;
  }

  /** Says which context this is. Call it once, before the first task. */
  found(probed: ProbedContext): void {
    this.#probed = probed;
  }

  /** The context; the first call opens it. @throws ContextError */
  open(): Promise<GpuContext> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** Why no context can ever be opened; undefined where one can. */
  get refusal(): string | undefined {
    return this.#probed?.refusal;
  }

  /** The context if it is open. */
  get opened(): GpuContext | null {
    return this.#opened;
  }

  /** Closes the context if it is open. */
  async close(): Promise<void> {
    await this.#opened?.close();
  }

  async #open(): Promise<GpuContext> {
    const probed = this.#probed;
    if (probed === undefined) throw new Error('this engine has not probed its GPU context yet');
    this.#opened = await this.#namespace.adopting(() => probed.open());
    return this.#opened;
  }
}
