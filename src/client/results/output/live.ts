import type { RemoteError } from '../../../errors.ts';
import type { MimeBundle } from '../../../protocol/methods.ts';
import type { OutputEvent } from '../../links/attempt.ts';
import type { Task } from '../../links/task.ts';
import type { Sinks } from './sinks.ts';
import type { StreamName } from './text.ts';
import { bundleText, ended, isRich, outputPrefix, streamPrefix, tracebackText, valueText, writeValue } from './text.ts';

const FULL_TRACEBACKS = 4;

/** When the values and errors of tasks are written: each as it arrives, or in the order of the targets. */
export type ResultOrder = 'arrival' | 'target';

/** Output that is being written as it arrives. */
export interface LiveOutput {
  /** Resolves when every task has ended and all is written. */
  readonly done: Promise<void>;
  /** Nothing is written after this. */
  stop(): void;
}

/**
 * Writes the tasks' output in order of arrival: their output so far first, each character exactly once, also of tasks
 * that fail. A prefix stands where the engine or the stream changes (semantics B12). `results`: values and tracebacks too.
 */
export function writeLive(
  tasks: readonly Task[],
  options: { readonly single: boolean; readonly results: ResultOrder | 'none'; readonly sinks: Sinks },
): LiveOutput {
  const printer = new Printer(options.sinks, !options.single);
  for (const task of tasks) task.listen((event) => printer.event(event, task));
  const ends = tasks.map(async (task) => {
    await task.done;
    if (options.results === 'arrival') printer.end(task);
    else if (options.results === 'target') printer.endInOrder(tasks);
  });
  return { done: Promise.all(ends).then(() => printer.finish()), stop: () => printer.stop() };
}

/** Writes events of several tasks to two sinks, each under the name of its engine and stream. */
class Printer {
  readonly #sinks: Sinks;
  readonly #prefixed: boolean;
  /** The last prefix, and which stream ends in an unfinished line. */
  #prefix = '';
  #open: StreamName | undefined;
  #errors = 0;
  /** How many tasks have their result written. */
  #ended = 0;
  #stopped = false;

  constructor(sinks: Sinks, prefixed: boolean) {
    this.#sinks = sinks;
    this.#prefixed = prefixed;
  }

  event(event: OutputEvent, task: Task): void {
    if (event.stream === 'data') return;
    if (event.stream === 'display') this.#show(event.bundle, outputPrefix(task));
    else this.#say(event.stream, streamPrefix(event.stream, task), event.text);
  }

  end(task: Task): void {
    if (valueText(task) !== '' && !this.#stopped) {
      this.#endPart();
      writeValue(task, this.#sinks);
    }
    if (task.outcome?.ok === false) this.#error(task.outcome.error);
  }

  /** Writes the results of those tasks that have ended, and before which all have. */
  endInOrder(tasks: readonly Task[]): void {
    for (let task = tasks[this.#ended]; task?.outcome !== undefined; task = tasks[this.#ended]) {
      this.#ended++;
      this.end(task);
    }
  }

  #error(error: RemoteError): void {
    this.#errors++;
    this.#alone('stderr', this.#errors > FULL_TRACEBACKS ? `${error.line}\n` : tracebackText(error));
  }

  // The prefix is written only when it changes.
  #say(to: StreamName, prefix: string, text: string): void {
    if (text === '' || this.#stopped) return;
    if (prefix !== this.#prefix) {
      this.finish();
      this.#prefix = prefix;
      if (this.#prefixed) this.#sinks[to].write(`${prefix}\n`);
    }
    this.#sinks[to].write(text);
    this.#open = text.endsWith('\n') ? undefined : to;
  }

  #show(bundle: MimeBundle, prefix: string): void {
    const { display, stdout } = this.#sinks;
    if (display === undefined || !isRich(bundle)) {
      this.#say('stdout', prefix, ended(bundleText(bundle)));
      return;
    }
    if (this.#stopped) return;
    this.#endPart();
    if (this.#prefixed) stdout.write(`${prefix}\n`);
    display(bundle);
  }

  // Text that names its engine itself.
  #alone(to: StreamName, text: string): void {
    if (this.#stopped) return;
    this.#endPart();
    this.#sinks[to].write(text);
  }

  /** The next text of a stream stands below a prefix of its own. */
  #endPart(): void {
    this.finish();
    this.#prefix = '';
  }

  /** Ends the line that is open. */
  finish(): void {
    if (this.#open !== undefined && !this.#stopped) this.#sinks[this.#open].write('\n');
    this.#open = undefined;
  }

  stop(): void {
    this.finish();
    this.#stopped = true;
  }
}
