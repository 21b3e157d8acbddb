// Functions that run on engines when they are called: remote (on each target) and parallel (on parts of sequences).
import { encodeBody } from '../../protocol/codec.ts';
import type { Dist } from '../../tensor/partition.ts';
import type { DirectView } from '../direct-view.ts';
import type { Session } from '../links/session.ts';
import { type CallOptions, checkOptions } from '../options.ts';
import type { RemoteFunction } from '../remote.ts';
import { joined } from '../results/assembly.ts';
import { AsyncResult } from '../results/async-result.ts';
import { join } from './gathering.ts';
import { functionName } from './map.ts';
import { materialise, partsOf, type Sequence } from './sequences.ts';

export interface ParallelOptions extends CallOptions {
  /** 'b': blocks (default); 'r': round robin. */
  readonly dist?: Dist;
}

/** A function of sequences that is called with parts of them on the engines. */
export interface ParallelFunction<R> {
  /**
   * Calls the function once per engine with the engine's parts; the results are joined as `gather` joins. Engines
   * without items are not called.
   * @throws RangeError "all sequences must have equal length, but have [2, 1]", TypeError without a sequence
   */
  (...sequences: readonly unknown[]): AsyncResult<unknown, unknown>;
  /** Calls it once per item. */
  map(...sequences: readonly unknown[]): AsyncResult<R[], R>;
}

type Source<A extends unknown[], R> = RemoteFunction<A, R>;

export function parallelFunction<A extends unknown[], R>(
  view: DirectView,
  session: Session,
  fn: Source<A, R>,
  options: ParallelOptions,
): ParallelFunction<Awaited<R>> {
  const { dist = 'b', ...call } = checkOptions(options, 'dist');
  const run = (...sequences: readonly unknown[]) => {
    const parts = partition(sequences, view.ids.length, dist);
    const bodies = (i: number) => {
      const args = parts.map((part) => part[i]);
      return args[0]?.length ? encodeBody({ fn, args }) : undefined;
    };
    const { tasks } = view.call('apply', 'apply', bodies, call);
    const engines = tasks.map((task) => task.engine?.id ?? -1);
    const assembly = joined(tasks.length, (values) => (values.length === 0 ? [] : join(values, engines, dist)));
    const abort = (some: typeof tasks) => session.abortTasks(some);
    return new AsyncResult({ label: functionName(fn), tasks, assembly, abort, options: call, kind: 'AsyncMapResult' });
  };
  return Object.assign(run, { map: (...sequences: readonly unknown[]) => view.map(fn, ...sequences, call) });
}

/** The parts of every sequence, by engine. */
function partition(sequences: readonly unknown[], engines: number, dist: Dist): Sequence[][] {
  if (sequences.length === 0) throw new TypeError('a parallel function wants at least one sequence');
  const inputs = sequences.map(materialise);
  const lengths = inputs.map((input) => input.length);
  if (new Set(lengths).size > 1) {
    throw new RangeError(`all sequences must have equal length, but have [${lengths.join(', ')}]`);
  }
  return inputs.map((input) => partsOf(input, engines, dist));
}
