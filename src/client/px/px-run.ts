import { AlreadyDisplayedError, CompositeError, RemoteError } from '../../errors.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { FLAG, FUNCTION, optionsOf, type Rules, ranged, SIGNAL, SINK, wordOf } from '../../util/checks.ts';
import { guarded, promises, takes } from '../../util/signature.ts';
import type { EngineLinks } from '../links/engine-links.ts';
import type { TargetOptions } from '../options.ts';
import type { Mode } from '../remote.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { ExecuteReply } from '../results/execute-reply.ts';
import { GROUPINGS, type GroupBy } from '../results/output/grouping.ts';
import { type ResultOrder, writeLive } from '../results/output/live.ts';
import { type Sinks, sinksOf, type TextSink } from '../results/output/sinks.ts';
import { progressEvents } from '../results/progress.ts';
import { ProgressBar } from '../results/progress-bar.ts';

/** How a px shows what engines say. */
export interface PxShowOptions extends Partial<Sinks> {
  /** true (default): output as it arrives. false: all of it at the end, grouped. */
  readonly stream?: boolean | undefined;
  /** When values and errors are written under `stream`: as they arrive (default), or in the order of the targets. */
  readonly resultOrder?: ResultOrder | undefined;
  /** How output is grouped that does not stream; default 'type'. */
  readonly groupOutputs?: GroupBy | undefined;
  /** Milliseconds until a progress bar appears on a TTY; default 2000, 0 at once, -1 never. */
  readonly progressAfter?: number | undefined;
  /** Ends the wait with AbortError, and interrupts the engines. */
  readonly signal?: AbortSignal | undefined;
}

/** Settings of `view.px`. */
export interface PxOptions extends TargetOptions, PxShowOptions {
  /** true (default): prints what the engines say. false: prints nothing; `run.result` and `run.show()` give it later. */
  readonly block?: boolean | undefined;
  /** Says first where the code runs. */
  readonly verbose?: boolean | undefined;
}

/** The engines' replies: one, or a list with one per target. */
export type PxReply = AsyncResult<ExecuteReply | ExecuteReply[], ExecuteReply, Mode>;

/** Settles when all is printed. Nobody has to await it: a failure that is not awaited does no harm. */
export interface PxRun extends Promise<void> {
  /** The replies, to be read at any time. */
  readonly result: PxReply;
  /** Prints all that the engines said and will say, from the beginning, also once they are done. */
  show(options?: PxShowOptions): PxRun;
  /** As Ctrl-C does: says so on stderr and interrupts the engines; what they still print is shown, the wait goes on. */
  interrupt(): Promise<void>;
  /** Gives up the wait, which rejects with AbortError, and the printing; the engines go on. */
  leave(): void;
}

/** How a px reaches engines that it interrupts. */
export type PxLinks = Pick<EngineLinks, 'uuid' | 'ids' | 'control'>;

const PROGRESS_AFTER_MS = 2000;

/** Prints what the engines say, beginning now. */
export function showPx(result: PxReply, links: PxLinks, options: PxShowOptions): PxRun {
  const show = new PxShow(result, links, { ...options, ...sinksOf(options) });
  const shown = show.run();
  // Nobody has to await it.
  shown.catch(() => {});
  const interrupt = guarded('px.interrupt', promises(), () => show.interrupt());
  const leave = guarded('px.leave', takes(), () => show.leave());
  return Object.assign(shown, { ...showing(result, links, options), interrupt, leave });
}

/** Prints nothing until it is asked to. */
export function quietPx(result: PxReply, links: PxLinks, options: PxShowOptions): PxRun {
  const stop = () => interruptEngines(result, links, sinksOf(options).stderr);
  const interrupt = guarded('px.interrupt', promises(), stop);
  const leave = guarded('px.leave', takes(), () => {});
  return Object.assign(Promise.resolve(), { ...showing(result, links, options), interrupt, leave });
}

function showing(result: PxReply, links: PxLinks, options: PxShowOptions): Pick<PxRun, 'result' | 'show'> {
  const show = (more: PxShowOptions = {}) => showPx(result, links, { ...options, ...more });
  return { result, show: guarded('px.show', takes({}, { options: optionsOf(SHOW_OPTIONS) }), show) };
}

/** The kind of each setting of showing. */
export const SHOW_OPTIONS: Rules<PxShowOptions> = {
  signal: SIGNAL,
  stream: FLAG,
  resultOrder: wordOf('arrival', 'target'),
  groupOutputs: wordOf(...GROUPINGS),
  progressAfter: ranged(
    'milliseconds, or -1',
    (value) => typeof value === 'number',
    (value) => (value as number) >= -1,
  ),
  stdout: SINK,
  stderr: SINK,
  display: FUNCTION,
};

// Whatever of this client runs there, so that a px that waits behind its own endless loop gets its turn. A px that waits
// behind another client's task is dropped. A dead engine has nothing to stop.
async function stopEngines(result: PxReply, links: PxLinks): Promise<void> {
  const client = links.uuid;
  const waiting = result.tasks.filter((task) => task.outcome === undefined);
  const ids = new Set(waiting.flatMap((task) => task.engine?.id ?? []));
  const drop = (engine: EngineId) => waiting.flatMap((task) => (task.engine?.id === engine ? task.wireId : []));
  await Promise.allSettled([...ids].map((id) => links.control(id, { type: 'interrupt', client, drop: drop(id) })));
}

function interruptEngines(result: PxReply, links: PxLinks, stderr: TextSink): Promise<void> {
  stderr.write('Received Keyboard Interrupt. Sending signal SIGINT to engines...\n');
  return stopEngines(result, links);
}

/** One showing of a px: prints while it waits, and can be interrupted. */
class PxShow {
  readonly #result: PxReply;
  readonly #links: PxLinks;
  readonly #options: PxShowOptions & Sinks;
  readonly #bar: LateBar;
  readonly #left = new AbortController();

  constructor(result: PxReply, links: PxLinks, options: PxShowOptions & Sinks) {
    this.#result = result;
    this.#links = links;
    this.#options = options;
    this.#bar = new LateBar(result, options.stderr, options.progressAfter ?? PROGRESS_AFTER_MS);
  }

  async run(): Promise<void> {
    try {
      await (this.#options.stream === false ? this.#grouped() : this.#live());
    } catch (error) {
      // The wait was given up, so the work is too: px means both.
      if (this.#options.signal?.aborted) await stopEngines(this.#result, this.#links);
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
    const { resultOrder: results = 'arrival' } = this.#options;
    const live = writeLive(tasks, { single, results, sinks: this.#bar.over(this.#options) });
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

  interrupt(): Promise<void> {
    return interruptEngines(this.#result, this.#links, this.#bar.over(this.#options).stderr);
  }

  leave(): void {
    this.#left.abort();
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
  over({ stdout, stderr, display }: Sinks): Sinks {
    const line = this.#line;
    if (line === undefined) return { stdout, stderr, display };
    const above = (sink: TextSink): TextSink => ({
      hasColors: () => sink.hasColors?.() === true,
      write: (text) => {
        line.clear();
        return sink.write(text);
      },
    });
    return { stdout: above(stdout), stderr: above(stderr), display };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#end.abort();
    this.#line?.clear();
  }
}
