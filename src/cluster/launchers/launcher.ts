// The interface of a launcher: it starts engine processes, signals them, ends them, and reports each exit. Registration is
// not its task: it only hands each engine its options.

import type { Fate } from '../../protocol/messages/roster.ts';
import type { EngineId } from '../../protocol/messages.ts';

/** One engine process. */
export interface EngineHandle {
  /** The id that the roster has reserved for it. */
  readonly slot: EngineId;
  readonly pid: number;
  /** The last lines that it wrote, default 20, for error messages. */
  output(lines?: number): string;
  /** Which tasks had started when the engine died; undefined if its launcher keeps no record. Read it after the death. */
  fate(): Fate | undefined;
}

/** The end of an engine process; `code` is null when a signal ended it. */
export interface EngineExit {
  readonly handle: EngineHandle;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The reason why it could not be started at all. */
  readonly error?: Error | undefined;
}

/** The options of `Launcher.stop`. */
export interface StopOptions {
  /** Milliseconds between asking (SIGTERM) and killing (SIGKILL); default 5000. */
  readonly grace?: number | undefined;
  /** Default: all. */
  readonly slots?: readonly EngineId[] | undefined;
}

/** Starts engine processes and ends them. */
export interface Launcher {
  /** Starts one engine per slot. Resolves when the processes exist, not when they have registered. */
  start(slots: readonly EngineId[]): Promise<readonly EngineHandle[]>;
  /** @throws ClusterError for a slot that has no process of this launcher */
  signal(signal: NodeJS.Signals, slots: readonly EngineId[]): void;
  /** Ends the engines and waits for them. Idempotent. */
  stop(options?: StopOptions): Promise<void>;
  /** Ends all at once, without waiting. */
  kill(): void;
  /** Calls `listener` once for the end of each process, whether it was asked for or not. */
  onExit(listener: (exit: EngineExit) => void): void;
  /** Returns the engine's process, or undefined if none runs in this slot. */
  handle(slot: EngineId): EngineHandle | undefined;
}

/** Completes the sentence "engine 3 …". */
export function describeExit({ code, signal, error }: Pick<EngineExit, 'code' | 'signal' | 'error'>): string {
  if (error !== undefined) return `could not be started: ${error.message}`;
  return signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
}
