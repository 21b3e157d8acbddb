// The order of arrival of tasks, also once all of them are done.
import type { Task } from './task.ts';
import { type WaitLimits, within } from './waiting.ts';

/** Tasks in the order in which their results were received. */
export async function* arrivals(tasks: readonly Task[], limits: WaitLimits): AsyncGenerator<Task, void, undefined> {
  const arrived = tasks.filter((task) => task.outcome !== undefined).sort((a, b) => a.arrival - b.arrival);
  let wake = () => {};
  for (const task of tasks) {
    if (task.outcome !== undefined) continue;
    void task.done.then(() => {
      arrived.push(task);
      wake();
    });
  }
  for (let i = 0; i < tasks.length; i++) {
    while (i >= arrived.length) {
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await within(more, limits, 'the next result');
    }
    yield arrived[i] as Task;
  }
}
