// What every launcher offers: it starts engine processes, signals them, ends them, and tells when one has ended. Who
// registers where is not its business: it hands each engine its options and no more.
import type { EngineId } from '../../protocol/messages.ts';

/** One engine process. */
export interface EngineHandle {
  /** The id that the roster has set aside for it. */
  readonly slot: EngineId;
  readonly pid: number;
  /** The last lines that it wrote, for error messages. */
  output(): string;
}

/** `code` is null when a signal ended it. */
export interface EngineExit {
  readonly handle: EngineHandle;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started at all. */
  readonly error?: Error;
}

export interface StopOptions {
  /** Milliseconds between asking (SIGTERM) and killing (SIGKILL); default 5000. */
  readonly grace?: number;
  /** Default: all. */
  readonly slots?: readonly EngineId[];
}

export interface Launcher {
  /** Starts one engine per slot. Resolves when the processes exist, not when they have registered. */
  start(slots: readonly EngineId[]): Promise<readonly EngineHandle[]>;
  /** @throws ClusterError for a slot that has no process of this launcher */
  signal(signal: NodeJS.Signals, slots: readonly EngineId[]): void;
  /** Ends the engines and waits for them. Idempotent. */
  stop(options?: StopOptions): Promise<void>;
  /** Ends all at once, without waiting. */
  kill(): void;
  /** Each end is told once, asked for or not. */
  onExit(listener: (exit: EngineExit) => void): void;
  /** The engine's process, if it runs. */
  handle(slot: EngineId): EngineHandle | undefined;
}

/** Completes the sentence "engine 3 …". */
export function describeExit({ code, signal, error }: Pick<EngineExit, 'code' | 'signal' | 'error'>): string {
  if (error !== undefined) return `could not be started: ${error.message}`;
  return signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
}
