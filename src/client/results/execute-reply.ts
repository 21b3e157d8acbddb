// ExecuteReply: what `execute` gives per engine; prints as `<ExecuteReply[1]: 6>`.
import { inspect } from 'node:util';
import type { ExecuteResult } from '../../protocol/methods.ts';
import type { Outcome } from '../links/outcome.ts';
import type { MimeBundle, Task } from '../links/task.ts';
import type { Assembly } from './assembly.ts';

const SHOWN = 32;

export class ExecuteReply {
  /** 0 for silent executions. */
  readonly executionCount: number;
  /** The last expression's value as a mime bundle (`text/plain` at least), or null when silent or undefined. */
  readonly executeResult: MimeBundle | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(value: ExecuteResult | undefined, task: Task) {
    this.executionCount = value?.executionCount ?? 0;
    this.executeResult = value?.data ?? null;
    this.stdout = task.stdout;
    this.stderr = task.stderr;
  }

  /** The text of the value, empty when there is none. */
  get text(): string {
    return String(this.executeResult?.['text/plain'] ?? '');
  }

  [inspect.custom](): string {
    const text = this.text.length > SHOWN ? `${this.text.slice(0, SHOWN - 3)}...` : this.text;
    return `<ExecuteReply[${this.executionCount}]: ${text}>`;
  }

  /** The assembly of an `execute` call: each raw value becomes an ExecuteReply. */
  static assembly<T>(inner: Assembly<T, ExecuteReply>, tasks: readonly Task[]): Assembly<T, ExecuteReply> {
    const items = (outcome: Outcome, index: number): readonly Outcome<ExecuteReply>[] => {
      if (!outcome.ok) return [outcome];
      const task = tasks[index] as Task;
      const value = new ExecuteReply(outcome.value as ExecuteResult | undefined, task);
      task.executeResult = value.executeResult;
      return [{ ok: true, value }];
    };
    return { length: inner.length, size: inner.size, join: inner.join, items };
  }
}
