import type { Task } from '../links/task.ts';
import type { Assembly } from './assembly.ts';
import type { CallSite } from './call-site.ts';
import type { TaskGroup } from './task-group.ts';

/**
 * Good items, task by task in the given order of places, up to the first failure.
 * @throws RemoteError of that failure; TimeoutError, AbortError
 */
export async function* iterate<Item>(
  group: TaskGroup,
  assembly: Assembly<unknown, Item>,
  order: Iterable<number> | AsyncIterable<number>,
  site: CallSite,
): AsyncGenerator<Item, void, undefined> {
  for await (const index of order) {
    const task = group.tasks[index] as Task;
    const outcome = task.outcome ?? (await group.within(task.done, group.limits()));
    for (const item of assembly.items(outcome, index)) {
      if (!item.ok) throw site.mark(item.error);
      yield item.value;
    }
  }
}

/** Places of the tasks, in the order in which their results were received. @throws TimeoutError, AbortError */
export async function* arrivals(group: TaskGroup): AsyncGenerator<number, void, undefined> {
  const { tasks } = group;
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
      await group.within(more, group.limits());
    }
    yield places.get(arrived[i] as Task) as number;
  }
}
