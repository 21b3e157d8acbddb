// One run of px: prints while it waits, and can be interrupted.
import { AlreadyDisplayedError, CompositeError, RemoteError } from '../../errors.ts';
import type { Session } from '../links/session.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { ExecuteReply } from '../results/execute-reply.ts';
import { writeLive } from '../results/output/live.ts';
import type { Sinks, TextSink } from '../results/output/sinks.ts';
import { progressEvents } from '../results/progress.ts';
import { ProgressBar } from '../results/progress-bar.ts';
import type { PxOptions } from './px.ts';

export type PxReply = AsyncResult<ExecuteReply | ExecuteReply[], ExecuteReply>;

/** Settles when all is printed. Nobody has to await it: a failure that is not awaited does no harm. */
export interface PxRun extends Promise<void> {
  /** The replies, to be read at any time. */
  readonly result: PxReply;
  /** As Ctrl-C does: says so on stderr and interrupts the engines; what they still print is shown, the wait goes on. */
  interrupt(): Promise<void>;
  /** Gives up the wait, which rejects with AbortError, and the printing; the engines go on. */
  leave(): void;
}

const PROGRESS_AFTER_MS = 2000;

export class PxShow {
  readonly #result: PxReply;
  readonly #session: Session;
  readonly #options: PxOptions & Sinks;
  readonly #bar: LateBar;
  readonly #left = new AbortController();

  constructor(result: PxReply, session: Session, options: PxOptions & Sinks) {
    this.#result = result;
    this.#session = session;
    this.#options = options;
    this.#bar = new LateBar(result, options.stderr, options.progressAfter ?? PROGRESS_AFTER_MS);
  }

  run(): PxRun {
    const shown = this.#show();
    shown.catch(() => {});
    const leave = () => this.#left.abort();
    return Object.assign(shown, { result: this.#result, interrupt: () => this.#interrupt(), leave });
  }

  async #show(): Promise<void> {
    try {
      await (this.#options.stream === false ? this.#grouped() : this.#live());
    } catch (error) {
      // The wait was given up, so the work is too: px means both.
      if (this.#options.signal?.aborted) await this.#stopEngines();
      throw error;
    } finally {
      this.#bar.close();
    }
  }

  get #limits(): { signal: AbortSignal } {
    const { signal } = this.#options;
    return { signal: signal === undefined ? this.#left.signal : AbortSignal.any([this.#left.signal, signal]) };
  }

  async #live(): Promise<void> {
    const { isSingle: single, tasks } = this.#result;
    const live = writeLive(tasks, { single, results: true, sinks: this.#bar.over(this.#options) });
    try {
      await this.#result.get(this.#limits);
      await live.done;
    } catch (error) {
      const errors = remoteErrors(error);
      if (errors.length === 0) throw error;
      await live.done;
      throw new AlreadyDisplayedError('%px', errors);
    } finally {
      live.stop();
    }
  }

  async #grouped(): Promise<void> {
    const { groupOutputs: groupBy = 'type' } = this.#options;
    await this.#result.displayOutputs({ groupBy, ...this.#limits, ...this.#bar.over(this.#options) });
    await this.#result.get();
  }

  #interrupt(): Promise<void> {
    const { stderr } = this.#bar.over(this.#options);
    stderr.write('Received Keyboard Interrupt. Sending signal SIGINT to engines...\n');
    return this.#stopEngines();
  }

  // Whatever runs there, so that a px that waits behind an endless loop gets its turn. A dead engine has nothing to stop.
  async #stopEngines(): Promise<void> {
    const waiting = this.#result.tasks.filter((task) => task.outcome === undefined);
    const ids = new Set(waiting.flatMap((task) => task.engine?.id ?? []));
    await Promise.allSettled([...ids].map((id) => this.#session.control(id, { type: 'interrupt' })));
  }
}

function remoteErrors(error: unknown): readonly RemoteError[] {
  if (error instanceof CompositeError) return error.errors;
  return error instanceof RemoteError ? [error] : [];
}

/** A progress bar that appears after a while on a TTY, below whatever is printed meanwhile. */
class LateBar {
  readonly #line: ProgressBar | undefined;
  readonly #end = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(result: PxReply, sink: TextSink, after: number) {
    if (!sink.isTTY || after < 0) return;
    this.#line = new ProgressBar(sink);
    this.#timer = setTimeout(() => this.#draw(result).catch(() => {}), after);
  }

  async #draw(result: PxReply): Promise<void> {
    for await (const event of progressEvents(result, { signal: this.#end.signal })) {
      if (!this.#end.signal.aborted) this.#line?.show(event);
    }
  }

  /** Sinks that take the bar away before they write. */
  over({ stdout, stderr }: Sinks): Sinks {
    const line = this.#line;
    if (line === undefined) return { stdout, stderr };
    const above = (sink: TextSink): TextSink => ({
      write: (text) => {
        line.clear();
        return sink.write(text);
      },
    });
    return { stdout: above(stdout), stderr: above(stderr) };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#end.abort();
    this.#line?.clear();
  }
}
