import type { Task } from '../../links/task.ts';
import type { Sinks } from './sinks.ts';
import { outputPrefix, type StreamName, streamText, valueText, writeBundle, writeValue } from './text.ts';

/** How the captured output of finished tasks is grouped (semantics B12). */
export type GroupBy = 'type' | 'engine' | 'order';

/** Every GroupBy. */
export const GROUPINGS: readonly GroupBy[] = ['type', 'engine', 'order'];

/** The grouping, if it is one. @throws RangeError naming the choices */
export function checkGroupBy(groupBy: unknown): GroupBy {
  const found = GROUPINGS.find((known) => known === groupBy);
  if (found !== undefined) return found;
  throw new RangeError(`output is grouped by ${GROUPINGS.map((g) => `'${g}'`).join(', ')}, not '${String(groupBy)}'`);
}

/** Writes what the tasks printed, displayed and gave. `single`: the call was on one engine, so there are no prefixes. */
export function writeGrouped(tasks: readonly Task[], groupBy: GroupBy, single: boolean, sinks: Sinks): void {
  if (single) for (const task of tasks) writeSingle(task, sinks);
  else if (groupBy === 'engine') for (const task of tasks) writeEngine(task, sinks);
  else writeByType(tasks, groupBy, sinks);
}

function writeSingle(task: Task, sinks: Sinks): void {
  put(sinks, 'stdout', streamText('stdout', task, false));
  put(sinks, 'stderr', streamText('stderr', task, false));
  for (const bundle of task.outputs) writeBundle(bundle, sinks);
  writeValue(task, sinks);
}

function writeEngine(task: Task, sinks: Sinks): void {
  put(sinks, 'stdout', streamText('stdout', task, true));
  put(sinks, 'stderr', streamText('stderr', task, true));
  if (task.outputs.length > 0 || valueText(task) !== '') put(sinks, 'stdout', `${outputPrefix(task)}\n`);
  for (const bundle of task.outputs) writeBundle(bundle, sinks);
  writeValue(task, sinks);
}

function writeByType(tasks: readonly Task[], groupBy: 'type' | 'order', sinks: Sinks): void {
  for (const task of tasks) put(sinks, 'stdout', streamText('stdout', task, true));
  for (const task of tasks) put(sinks, 'stderr', streamText('stderr', task, true));
  if (groupBy === 'type') for (const task of tasks) writeOutputs(task, 0, task.outputs.length, sinks);
  else writeInOrder(tasks, sinks);
  for (const task of tasks) writeValue(task, sinks);
}

// The first output of every engine, then every second one, …: engines with fewer are not left out.
function writeInOrder(tasks: readonly Task[], sinks: Sinks): void {
  const most = Math.max(0, ...tasks.map((task) => task.outputs.length));
  for (let i = 0; i < most; i++) for (const task of tasks) writeOutputs(task, i, i + 1, sinks);
}

function writeOutputs(task: Task, from: number, to: number, sinks: Sinks): void {
  const bundles = task.outputs.slice(from, to);
  if (bundles.length > 0) put(sinks, 'stdout', `${outputPrefix(task)}\n`);
  for (const bundle of bundles) writeBundle(bundle, sinks);
}

function put(sinks: Sinks, to: StreamName, text: string): void {
  if (text !== '') sinks[to].write(text);
}
