import { onAbort } from '../../rpc/abort-listeners.ts';
import { abortError } from '../../rpc/waiting.ts';
import { Fifo } from '../../util/fifo.ts';
import { guardCalls, type Signatures, takes } from '../../util/signature.ts';
import type { Outcome } from '../links/outcome.ts';
import type { Task } from '../links/task.ts';
import { CallSite } from '../results/call-site.ts';
import { itemsOf } from './balanced-calls.ts';
import { Rows } from './rows.ts';

/** The pieces that a stream is made of. */
export interface StreamInit {
  /** Iterables, sync or async, of arguments. */
  readonly inputs: readonly unknown[];
  /** Items per task. */
  readonly chunkSize: number;
  /** Do results come in input order? Else as they arrive. */
  readonly ordered: boolean;
  /** Are errors yielded in place of failed items? Else the first one is thrown. */
  readonly returnErrors: boolean;
  readonly signal: AbortSignal | undefined;
  /** Tasks that may have been read and not taken; asked each time, since engines join. */
  limit(): number;
  /** One task over these items, one column per iterable. */
  submit(columns: unknown[][]): Task;
  /** The task's items were handed over. */
  forget(task: Task): void;
  /** Drops those of the tasks that have not started. */
  abort(tasks: readonly Task[]): Promise<void>;
  /** Is given the unfinished tasks when the signal fires. */
  onSignal(tasks: readonly Task[]): Promise<void>;
}

interface Sent {
  readonly task: Task;
  readonly size: number;
  /** The index of its first item. */
  readonly first: number;
}

// An endless input must not keep the event loop from the engines' replies.
const BREATHE = 1024;

/**
 * The results of an `imap`, one by one, while its input is read. It reads only as far ahead as the call allows, and keeps
 * nothing of what it gave. Leaving a `for await` loop ends it.
 */
export class ItemStream<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #init: StreamInit;
  readonly #rows: Rows;
  readonly #items: AsyncGenerator<T, void, undefined>;
  readonly #sent = new Set<Sent>();
  readonly #site = new CallSite(ItemStream);
  // The tasks to give next: all that were sent, in order, or those that have ended, in order of arrival.
  readonly #line = new Fifo<Sent>();
  /** Items that were sent. */
  #count = 0;
  #reading = false;
  #stopped = false;
  #failure: { readonly error: unknown } | undefined;
  #wake = () => {};
  #room = () => {};

  /** Streams are made by `imap`. @internal */
  constructor(init: StreamInit) {
    this.#init = init;
    this.#rows = new Rows(init.inputs);
    this.#items = this.#yield();
  }

  /** Tasks that were read from the input and not yet taken. */
  get outstanding(): number {
    return this.#sent.size;
  }

  /**
   * The next result, or the RemoteError of an item that failed where the call asked for `returnErrors`.
   * @throws RemoteError of the first item that failed, unless errors are items; AbortError; any error of the input
   */
  next(): Promise<IteratorResult<T, void>> {
    return this.#items.next();
  }

  /** Leaves the stream: no more is read, and what has not started is dropped. */
  async return(): Promise<IteratorResult<T, void>> {
    await this.#leave();
    return this.#items.return();
  }

  /** Reads no more input; the results of what was read are still given. */
  cancel(): void {
    this.#stopped = true;
    this.#room();
    this.#wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #leave(): Promise<void> {
    this.cancel();
    const rest = [...this.#sent].map(({ task }) => task);
    this.#sent.clear();
    for (const task of rest) task.onEnd(this.#init.forget);
    await this.#init.abort(rest.filter((task) => task.outcome === undefined)).catch(() => {});
  }

  async *#yield(): AsyncGenerator<T, void, undefined> {
    const off = this.#watchSignal();
    void this.#read();
    try {
      for (let sent = await this.#next(); sent !== undefined; sent = await this.#next()) {
        const outcomes = this.#take(sent);
        for (const item of outcomes) {
          if (!item.ok) this.#site.mark(item.error);
          if (!item.ok && !this.#init.returnErrors) throw item.error;
          yield (item.ok ? item.value : item.error) as T;
        }
      }
      if (this.#failure !== undefined) throw this.#failure.error;
    } finally {
      off();
      await this.#leave();
    }
  }

  #watchSignal(): () => void {
    const { signal } = this.#init;
    const stop = () => {
      this.#failure = { error: abortError(signal as AbortSignal, 'imap') };
      this.cancel();
      const open = [...this.#sent].map(({ task }) => task).filter((task) => task.outcome === undefined);
      this.#init.onSignal(open).catch(() => {});
    };
    if (signal === undefined) return () => {};
    if (!signal.aborted) return onAbort(signal, stop);
    stop();
    return () => {};
  }

  // The next task to give, once it has ended; undefined at the end of it all.
  async #next(): Promise<Sent | undefined> {
    for (;;) {
      if (this.#init.signal?.aborted) return undefined;
      if (this.#line.first?.task.outcome !== undefined) return this.#line.shift();
      if (this.#sent.size === 0 && !this.#reading) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(sent: Sent): readonly Outcome[] {
    const { task, size, first } = sent;
    this.#sent.delete(sent);
    this.#init.forget(task);
    this.#room();
    const outcome = task.outcome as Outcome;
    // A chunk whose task failed fails each of its items: the stream stays as long as its input.
    const items = outcome.ok ? itemsOf(outcome.value, size, task) : new Array<Outcome>(size).fill(outcome);
    if (outcome.ok || size === 1) placeItems(items, first);
    return items;
  }

  async #read(): Promise<void> {
    this.#reading = true;
    try {
      for (let n = 1; ; n++) {
        if (n % BREATHE === 0) await new Promise(setImmediate);
        while (!this.#stopped && this.#sent.size >= this.#init.limit()) await this.#untilRoom();
        const columns = this.#stopped ? undefined : await this.#rows.chunk(this.#init.chunkSize);
        if (columns === undefined || this.#stopped) break;
        this.#send(columns);
      }
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      await this.#rows.close().catch(() => {});
      this.#reading = false;
      this.#wake();
    }
  }

  #untilRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.#room = resolve;
    });
  }

  #send(columns: unknown[][]): void {
    const size = columns[0]?.length ?? 0;
    const sent = { task: this.#init.submit(columns), size, first: this.#count };
    this.#count += size;
    this.#sent.add(sent);
    if (this.#init.ordered) this.#line.push(sent);
    sent.task.onEnd(() => {
      if (!this.#init.ordered) this.#line.push(sent);
      this.#wake();
    });
  }
}

// Not `next` and `return`: the language calls them.
const STREAM: Signatures<ItemStream<unknown>, 'next' | 'return'> = { cancel: takes() };
guardCalls(ItemStream.prototype, 'stream', STREAM);

function placeItems(items: readonly Outcome[], first: number): void {
  items.forEach((item, i) => {
    if (!item.ok) item.error.place({ item: first + i });
  });
}
