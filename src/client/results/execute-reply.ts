import { inspect } from 'node:util';
import type { MimeBundle } from '../../protocol/methods.ts';
import type { Outcome } from '../links/outcome.ts';
import type { Task } from '../links/task.ts';
import type { Assembly } from './assembly.ts';

const SHOWN = 32;

/** The value of an `execute` on one engine: its result and its output. Prints as `<ExecuteReply[1]: 6>`. */
export class ExecuteReply {
  /** The engine's count of executions; 0 for silent ones. */
  readonly executionCount: number;
  /** The last expression's value as a mime bundle (`text/plain` at least), or null when silent or undefined. */
  readonly executeResult: MimeBundle | null;
  /** Everything that the code wrote to stdout. */
  readonly stdout: string;
  /** Everything that the code wrote to stderr. */
  readonly stderr: string;

  /** The reply of a task of `execute` that has ended well. */
  constructor({ executed, stdout, stderr }: Task) {
    this.executionCount = executed?.executionCount ?? 0;
    this.executeResult = executed?.data ?? null;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** The text of the value, empty when there is none. */
  get text(): string {
    return String(this.executeResult?.['text/plain'] ?? '');
  }

  /** The line that consoles print. */
  [inspect.custom](): string {
    const text = this.text.length > SHOWN ? `${this.text.slice(0, SHOWN - 3)}...` : this.text;
    return `<ExecuteReply[${this.executionCount}]: ${text}>`;
  }
}

/** The assembly of an `execute` call: each task that ended well gives an ExecuteReply. */
export function executeReplies<T>(inner: Assembly<T, ExecuteReply>, tasks: readonly Task[]): Assembly<T, ExecuteReply> {
  const items = (outcome: Outcome, index: number): readonly Outcome<ExecuteReply>[] =>
    outcome.ok ? [{ ok: true, value: new ExecuteReply(tasks[index] as Task) }] : [outcome];
  return { ...inner, items };
}
