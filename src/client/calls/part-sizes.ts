// What a client remembers of the parts of each name: their bytes, so that a gather can set memory aside for them. A wrong
// guess costs a copy, nothing else.
import { Tensor } from '../../tensor/tensor.ts';
import { BoundedMap } from '../../util/bounded.ts';
import type { Task } from '../links/task.ts';
import { Arena } from './arena.ts';

const MAX_NAMES = 1000;
const known = new WeakMap<object, BoundedMap<string, readonly number[]>>();

/** Remembers the parts of a name, if they are arrays or tensors. `session`: whose names these are. */
export function rememberParts(session: object, name: string, parts: readonly unknown[]): void {
  const names = known.get(session) ?? new BoundedMap<string, readonly number[]>(MAX_NAMES);
  known.set(session, names);
  names.delete(name);
  const sizes = parts.map(bytesOfPart);
  if (sizes.some((bytes) => bytes === undefined)) return;
  names.set(name, sizes as number[]);
}

function bytesOfPart(part: unknown): number | undefined {
  const view = part instanceof Tensor ? part.data : part;
  return ArrayBuffer.isView(view) ? view.byteLength : undefined;
}

/** Has the parts of this name arrive side by side, if they are what they were. */
export function arriveSideBySide(session: object, name: string, tasks: readonly Task[]): void {
  const sizes = known.get(session)?.get(name);
  if (sizes?.length !== tasks.length || sizes.length < 2) return;
  const arena = new Arena(sizes);
  if (!arena.worthwhile) return;
  tasks.forEach((task, i) => {
    task.destination = (bytes) => arena.slot(i, bytes);
  });
}
