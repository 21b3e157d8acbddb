// The order in which results come back.
import type { Task } from '../links/task.ts';
import { type WaitLimits, within } from '../links/waiting.ts';

/** Places of the tasks, in the order in which their results were received. */
export async function* arrivals(tasks: readonly Task[], limits: WaitLimits): AsyncGenerator<number, void, undefined> {
  const places = new Map(tasks.map((task, place) => [task, place]));
  const arrived = tasks.filter((task) => task.outcome !== undefined).sort((a, b) => a.arrival - b.arrival);
  let wake = () => {};
  const arrive = (task: Task) => {
    arrived.push(task);
    wake();
  };
  for (const task of tasks) if (task.outcome === undefined) task.onEnd(arrive);
  for (let i = 0; i < tasks.length; i++) {
    while (i >= arrived.length) {
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await within(more, limits, 'the next result');
    }
    yield places.get(arrived[i] as Task) as number;
  }
}
