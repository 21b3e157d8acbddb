import { AsyncLocalStorage, createHook } from 'node:async_hooks';

/** Work that Node does before the event loop goes on. */
function isShort(type: string): boolean {
  return type === 'PROMISE' || type === 'TickObject' || type === 'Microtask';
}

/**
 * Tells which task code belongs to, also in timers, listeners, streams and promises that the task has made. Entered and left
 * by hand, because a closure per task would cost more than a short task. `T` should hold little: timers keep it alive.
 */
export class TaskContext<T extends object> {
  readonly #storage = new AsyncLocalStorage<T | undefined>();
  #hasBegun = false;
  /** The last error that a microtask has thrown. Before Node 24 it is reported outside its context. */
  #ofMicrotask: { readonly error: unknown; readonly task: T } | undefined;

  constructor() {
    createHook({
      init: (_, type) => {
        if (isShort(type)) this.#hasBegun = true;
      },
    }).enable();
  }

  /** From now on code belongs to this task, until `leave`. */
  enter(task: T): void {
    this.#hasBegun = false;
    this.#storage.enterWith(task);
  }

  /** From now on code belongs to no task. */
  leave(): void {
    this.#storage.enterWith(undefined);
  }

  /** Since `enter`, promises, ticks or microtasks have begun: they may fail before the turn ends. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** The task whose code threw an error, or left a rejection, that Node reports now. Undefined where nobody knows. */
  ofUnhandled(error: unknown): T | undefined {
    const known = this.#ofMicrotask;
    this.#ofMicrotask = undefined;
    return known !== undefined && Object.is(known.error, error) ? known.task : this.#storage.getStore();
  }

  /** Wraps `queueMicrotask`, so that errors of its callbacks have their task. */
  watchMicrotasks(): void {
    const { queueMicrotask: original } = globalThis;
    globalThis.queueMicrotask = (callback) => {
      const task = this.#storage.getStore();
      original(task === undefined || typeof callback !== 'function' ? callback : () => this.#run(callback, task));
    };
  }

  #run(callback: () => void, task: T): void {
    try {
      callback();
    } catch (error) {
      this.#ofMicrotask = { error, task };
      throw error;
    }
  }
}
