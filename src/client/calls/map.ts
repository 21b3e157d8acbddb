import type { EngineInfo } from '../../errors.ts';
import { Ref } from '../../protocol/values/ref.ts';
import { toWireError } from '../../protocol/values/wire-error.ts';
import { ranges } from '../../tensor/partition.ts';
import { failed, type Outcome, remoteError, success } from '../links/outcome.ts';
import { mapResult } from '../links/reply-values.ts';
import type { Task } from '../links/task.ts';
import { MAP_OPTIONS, type MapOptions, splitInputs } from '../options.ts';
import type { Mode } from '../remote.ts';
import { chunks } from '../results/assembly.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { Calls } from './calls.ts';
import { materialise, type Sequence, window } from './sequences.ts';

/**
 * Maps over sequences on the engines of a view, one block and one task per engine. A plain object after the sequences is
 * taken as options.
 * @throws TypeError without a sequence or for a bad option; as `Calls.open` and `Calls.submit`
 */
export function mapInBlocks<M extends Mode, R>(
  calls: Calls<M>,
  fn: unknown,
  sequences: readonly unknown[],
): AsyncResult<R[], R, 'many'> {
  const { inputs, options } = splitInputs<MapOptions>(sequences, MAP_OPTIONS, 'map');
  const all = mapInputs(inputs);
  const call = calls.open('map', options, MAP_OPTIONS);
  const parts = mapParts(all, call.engines.length);
  const { concurrency } = options;
  const tasks = calls.submit(call, 'map', (index) => {
    const part = parts[index];
    return part && { fn, sequences: part.sequences, concurrency };
  });
  const sizes = parts.flatMap((part) => (part === undefined ? [] : [part.size]));
  const assembly = chunks<R>(
    sizes,
    (value, i) => itemOutcomes(value, sizes[i] as number, tasks[i] as Task) as readonly Outcome<R>[],
  );
  return calls.result({ ...call, label: functionName(fn) }, tasks, assembly, progressName(fn, 'map'));
}

/** One engine's share: the sequences cut to its block, and how many items that makes. */
export interface MapPart {
  readonly sequences: readonly Sequence[];
  readonly size: number;
}

/** Inputs of a map as sequences. @throws TypeError without sequences or for what cannot be iterated */
export function mapInputs(sequences: readonly unknown[]): Sequence[] {
  if (sequences.length === 0) throw new TypeError('map wants at least one sequence');
  return sequences.map(materialise);
}

/** Blocks by the longest sequence, items up to the shortest, as zip: an engine without items gets no part. */
export function mapParts(sequences: readonly Sequence[], engines: number): (MapPart | undefined)[] {
  const lengths = sequences.map((s) => s.length);
  const shortest = Math.min(...lengths);
  return ranges(Math.max(...lengths), engines).map(({ lo, hi }) => {
    const end = Math.min(hi, shortest);
    if (end <= lo) return undefined;
    return { sequences: sequences.map((s) => window(s, lo, end)), size: end - lo };
  });
}

/**
 * Outcomes of a chunk's items: one bad item does not lose its neighbours. `value` is the reply of the map verb; one of
 * another form fails all `size` items.
 */
export function itemOutcomes(value: unknown, size: number, task: Task): Outcome[] {
  const info: EngineInfo = {
    engineId: task.engine?.id ?? -1,
    engineUuid: task.engine?.uuid ?? '',
    method: task.label,
  };
  try {
    const { values, errors } = mapResult(value, size);
    const outcomes: Outcome[] = Array.from(values, (item) => success(item));
    for (const [index, error] of errors) outcomes[index] = failed(remoteError(error, info));
    return outcomes;
  } catch (error) {
    return new Array<Outcome>(size).fill(
      failed(
        remoteError(
          toWireError(error, () => ''),
          info,
        ),
      ),
    );
  }
}

/** The name of a call in progress bars: the function's, a ref's expression, else the method's. */
export function progressName(fn: unknown, method: string): string {
  if (fn instanceof Ref) return fn.expression;
  return (typeof fn === 'function' && fn.name) || method;
}

/** How a map prints itself: the function's name, or `<anonymous>`. */
export function functionName(fn: unknown): string {
  if (typeof fn === 'function' && fn.name !== '') return fn.name;
  return '<anonymous>';
}
