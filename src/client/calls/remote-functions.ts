import type { Dist } from '../../tensor/partition.ts';
import { checkOptions, type Rules, wordOf } from '../../util/checks.ts';
import { CALL_OPTIONS, type CallOptions } from '../options.ts';
import type { Mode, RemoteFunction } from '../remote.ts';
import { joined } from '../results/assembly.ts';
import type { AsyncResult } from '../results/async-result.ts';
import type { Calls } from './calls.ts';
import { join } from './gathering.ts';
import type { ItemInputs, Joined, MapInput, PartInput, PartInputs } from './inputs.ts';
import { functionName, mapInBlocks, progressName } from './map.ts';
import { lengthOf, materialise, partsOf, type Sequence } from './sequences.ts';

/** Options of `DirectView.parallel`. */
export interface ParallelOptions extends CallOptions {
  /** 'b': blocks (default); 'r': round robin. */
  readonly dist?: Dist | undefined;
}

/** The kind of each option of `parallel`. */
export const PARALLEL_OPTIONS: Rules<ParallelOptions> = { ...CALL_OPTIONS, dist: wordOf('b', 'r') };

/** A function of sequences that is called with parts of them on the engines. */
export interface ParallelFunction<A extends readonly unknown[], R> {
  /**
   * Calls the function once per engine with the engine's parts; the results are joined as `gather` joins. Engines
   * without items are not called.
   * @throws RangeError "all sequences must have equal length, but have [2, 1]", TypeError without a sequence
   */
  (...sequences: [...PartInputs<A>, ...PartInput<unknown>[]]): AsyncResult<Joined<R>, R, 'many'>;
  /** Calls it once per item. */
  map(...sequences: [...ItemInputs<A>, ...MapInput<unknown>[]]): AsyncResult<R[], R, 'many'>;
}

/** A function that runs `fn` on parts of its arguments. @throws TypeError naming an unknown option */
export function parallelFunction<M extends Mode, A extends unknown[], R>(
  calls: Calls<M>,
  fn: RemoteFunction<A, R>,
  options: ParallelOptions,
): ParallelFunction<A, Awaited<R>> {
  const { dist, ...call } = checkOptions(options, PARALLEL_OPTIONS, 'parallel');
  const run = (...sequences: readonly unknown[]) => callOnParts<M, Awaited<R>>(calls, fn, sequences, { dist, ...call });
  const map = (...sequences: readonly unknown[]) => mapInBlocks<M, Awaited<R>>(calls, fn, [...sequences, call]);
  return Object.assign(run, { map });
}

function callOnParts<M extends Mode, R>(
  calls: Calls<M>,
  fn: unknown,
  sequences: readonly unknown[],
  { dist = 'b', ...options }: ParallelOptions,
): AsyncResult<Joined<R>, R, 'many'> {
  const call = calls.open('apply', options);
  const parts = partition(sequences, call.engines.length, dist);
  const tasks = calls.submit(call, 'apply', (index) => {
    const args = parts.map((part) => part[index]);
    return args[0]?.length ? { fn, args } : undefined;
  });
  const engines = tasks.map((task) => task.engine?.id ?? -1);
  const whole = joined<Joined<R>, R>(tasks.length, (values) => {
    return (values.length === 0 ? [] : join(values, engines, dist)) as Joined<R>;
  });
  const assembly = { ...whole, isMap: true };
  return calls.result<Joined<R>, R, 'many'>(
    { ...call, label: functionName(fn) },
    tasks,
    assembly,
    progressName(fn, 'parallel'),
  );
}

/** The parts of every sequence, by engine. */
function partition(sequences: readonly unknown[], engines: number, dist: Dist): Sequence[][] {
  if (sequences.length === 0) throw new TypeError('a parallel function wants at least one sequence');
  const inputs = sequences.map((input) => (typeof input === 'string' ? input : materialise(input)));
  const lengths = inputs.map(lengthOf);
  if (new Set(lengths).size > 1) {
    throw new RangeError(`all sequences must have equal length, but have [${lengths.join(', ')}]`);
  }
  return inputs.map((input) => partsOf(input, engines, dist));
}
