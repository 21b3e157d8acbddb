import { TaskTimeout } from '../../errors.ts';
import type { EngineStatus } from '../../protocol/messages/control.ts';
import type { EngineId, TaskId } from '../../protocol/messages.ts';
import type { EngineLinks } from './engine-links.ts';
import type { Task } from './task.ts';

/** How a question reaches the control threads of engines. */
export type BusyLinks = Pick<EngineLinks, 'control'>;

/** Milliseconds in which an engine that is free has answered. */
const FIRST_MS = 100;
/** Milliseconds after which a task that still runs is a reason not to wait. */
const LOOK_MS = 250;

/**
 * Ends tasks that only ask something and would wait behind a task that runs for long. Short tasks before them are waited
 * for, however many. `labelOf` names a task of this client; undefined: it is another client's.
 */
export function endWhereBusy(
  links: BusyLinks,
  tasks: readonly Task[],
  labelOf: (id: TaskId) => string | undefined,
): void {
  for (const task of tasks) {
    if (task.engine !== undefined && task.outcome === undefined) void watch(links, task, task.engine.id, labelOf);
  }
}

async function watch(
  links: BusyLinks,
  task: Task,
  engine: EngineId,
  labelOf: (id: TaskId) => string | undefined,
): Promise<void> {
  let before: TaskId | null = null;
  for (let wait = FIRST_MS; ; wait = LOOK_MS) {
    await endOf(task, wait);
    if (task.outcome !== undefined) return;
    const status = await links.control(engine, { type: 'status' }).catch(() => undefined);
    // Without an answer the link is broken, which ends the task in another way.
    if (status === undefined || task.outcome !== undefined) return;
    const { running } = status;
    if (running !== null && running !== task.wireId && running === before) {
      task.fail(new TaskTimeout(`engine ${engine} is busy: ${textOf(status, running, labelOf(running), task)}`));
      await links.control(engine, { type: 'abort', ids: [task.wireId] }).catch(() => {});
      return;
    }
    before = running;
  }
}

/** Resolves when the task has ended, and after `ms` at the latest. */
function endOf(task: Task, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    task.onEnd(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function textOf({ queue, rss }: EngineStatus, running: TaskId, label: string | undefined, task: Task): string {
  const what = label === undefined ? `task '${running}' of another client` : `${label}, task '${running}'`;
  const others = queue.filter((id) => id !== task.wireId).length;
  const waiting = others === 0 ? '' : `, and ${others} more ${others === 1 ? 'waits' : 'wait'}`;
  return (
    `it runs ${what}${waiting}; its process has ${Math.round(rss / 1e6)} MB. ${task.label} is answered between tasks: ` +
    `rc.status() answers now, ${task.label}({ timeout: Infinity }) waits`
  );
}
