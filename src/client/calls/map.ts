// map on a DirectView: each engine gets one block of every sequence, and one task.
import type { EngineInfo } from '../../errors.ts';
import type { MapResult } from '../../protocol/methods.ts';
import { ranges } from '../../tensor/partition.ts';
import { failed, type Outcome, remoteError, success } from '../links/outcome.ts';
import type { Task } from '../links/task.ts';
import { materialise, type Sequence, window } from './sequences.ts';

/** One engine's share: the sequences cut to its block, and how many items that makes. */
export interface MapPart {
  readonly sequences: readonly Sequence[];
  readonly size: number;
}

/** @throws TypeError without sequences or for what cannot be iterated */
export function mapInputs(sequences: readonly unknown[]): Sequence[] {
  if (sequences.length === 0) throw new TypeError('map wants at least one sequence');
  return sequences.map(materialise);
}

/**
 * Blocks by the longest sequence, items up to the shortest, as zip: an engine without items gets no part.
 */
export function mapParts(sequences: readonly Sequence[], engines: number): (MapPart | undefined)[] {
  const lengths = sequences.map((s) => s.length);
  const shortest = Math.min(...lengths);
  return ranges(Math.max(...lengths), engines).map(({ lo, hi }) => {
    const end = Math.min(hi, shortest);
    if (end <= lo) return undefined;
    return { sequences: sequences.map((s) => window(s, lo, end)), size: end - lo };
  });
}

/** The outcomes of a chunk's items: one bad item does not lose its neighbours. */
export function itemOutcomes(value: unknown, task: Task): Outcome[] {
  const { values, errors } = value as MapResult;
  const outcomes: Outcome[] = Array.from(values, (item) => success(item));
  const info: EngineInfo = {
    engineId: task.engine?.id ?? -1,
    engineUuid: task.engine?.uuid ?? '',
    method: task.label,
  };
  for (const [index, error] of errors) outcomes[index] = failed(remoteError(error, info));
  return outcomes;
}

/** How a map prints itself: the function's name, or `<anonymous>`. */
export function functionName(fn: unknown): string {
  if (typeof fn === 'function' && fn.name !== '') return fn.name;
  return '<anonymous>';
}
