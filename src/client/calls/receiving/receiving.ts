// `gather` and `pull` into memory that the caller owns.
import { layoutOf, type ValueLayout } from '../../../protocol/values/value-layout.ts';
import { asRemoteError, failed, type Outcome, success } from '../../links/outcome.ts';
import type { Task } from '../../links/task.ts';
import type { GatherOptions, PullOptions, ReceiveBuffer } from '../../options.ts';
import type { Mode, PerTarget } from '../../remote.ts';
import { joined } from '../../results/assembly.ts';
import type { AsyncResult, PerTargetResult } from '../../results/async-result.ts';
import type { Calls, OpenCall } from '../calls.ts';
import { claim, dataOf, partLayout, ReceiveArea } from './receive-area.ts';

/**
 * The parts of a name, joined in `into`. Parts whose size the client knows or guesses right arrive in their places; others are
 * copied there when the last one has come.
 * @throws TypeError where another call writes into that memory
 */
export function gatherInto(
  calls: Calls<Mode>,
  call: OpenCall,
  name: string,
  { into, dist }: { readonly into: ReceiveBuffer } & Pick<GatherOptions, 'dist'>,
): AsyncResult<ReceiveBuffer, unknown, 'many'> {
  const { partSizes } = calls.context;
  const { engines } = call;
  const wanted = partLayout(into);
  const sizes = partSizes.of(name);
  const area = new ReceiveArea(into, { count: engines.length, layout: wanted, dist, sizes });
  const release = claim(dataOf(into), call.label);
  const tasks = calls.submit(call, 'pull', { names: name, wanted }, (i, bytes) => area.place(i, bytes));
  const filled = whenEnded(tasks, release, (parts) => {
    partSizes.remember(name, parts);
    return area.fill(parts, engines);
  });
  return calls.result<ReceiveBuffer, unknown, 'many'>(
    call,
    tasks,
    joined(tasks.length, () => arrived(filled())),
  );
}

/**
 * One value per target, each in memory of the caller's.
 * @throws TypeError unless there is one buffer per target, or where another call writes into one
 */
export function pullInto<M extends Mode>(
  calls: Calls<M>,
  call: OpenCall,
  names: string | readonly string[],
  into: NonNullable<PullOptions['into']>,
): PerTargetResult<M, ReceiveBuffer> {
  if (typeof names !== 'string')
    throw new TypeError('pull: into takes the value of one name: pull each name by itself');
  const buffers = buffersOf(call, into);
  const layouts = buffers.map((buffer) => layoutOf(buffer) as ValueLayout);
  const areas = buffers.map((buffer, i) => new ReceiveArea(buffer, { count: 1, layout: layouts[i] as ValueLayout }));
  const release = claimAll(buffers, call.label);
  const tasks = calls.submit(
    call,
    'pull',
    (i) => ({ names, wanted: layouts[i] }),
    (i, bytes) => areas[i]?.place(0, bytes),
  );
  const values = tasks.map((task, i) =>
    whenEnded([task], release[i] as () => void, (parts) =>
      (areas[i] as ReceiveArea).fill(parts, [call.engines[i] as number]),
    ),
  );
  const perTarget = calls.perTarget<ReceiveBuffer>(call, tasks);
  const items = (outcome: Outcome, task: number): readonly Outcome<ReceiveBuffer>[] =>
    outcome.ok ? [(values[task] as Filled)() as Outcome<ReceiveBuffer>] : [outcome];
  return calls.result<PerTarget<M, ReceiveBuffer>, ReceiveBuffer, M>(call, tasks, { ...perTarget, items });
}

/** The outcome of filling a receive buffer; undefined until all its tasks have ended well. */
type Filled = () => Outcome<ReceiveBuffer> | undefined;

// At once when the tasks end, not when the result is read: until then the caller might write into the memory.
function whenEnded(
  tasks: readonly Task[],
  release: () => void,
  fill: (parts: readonly unknown[]) => ReceiveBuffer,
): Filled {
  let pending = tasks.length;
  let filled: Outcome<ReceiveBuffer> | undefined;
  const ended = (): void => {
    if (--pending > 0) return;
    release();
    const parts = tasks.flatMap(({ outcome }) => (outcome?.ok ? [outcome.value] : []));
    if (parts.length < tasks.length) return;
    filled = outcomeOf(() => fill(parts));
  };
  for (const task of tasks) task.onEnd(ended);
  return () => filled;
}

function outcomeOf(fill: () => ReceiveBuffer): Outcome<ReceiveBuffer> {
  try {
    return success(fill());
  } catch (error) {
    return failed(asRemoteError(error));
  }
}

function arrived(filled: Outcome<ReceiveBuffer> | undefined): ReceiveBuffer {
  if (filled?.ok) return filled.value;
  throw filled?.error.cause ?? new Error('the parts have not arrived');
}

function buffersOf({ isSingle, engines }: OpenCall, into: NonNullable<PullOptions['into']>): readonly ReceiveBuffer[] {
  if (isSingle && !isList(into)) return [into];
  if (isSingle) throw new TypeError('pull: into is a list, and there is one target: give its buffer alone');
  if (!isList(into))
    throw new TypeError(`pull: into is one buffer, and there are ${engines.length} targets: give a list`);
  if (into.length === engines.length) return into;
  throw new TypeError(`pull: into has ${into.length} buffers for ${engines.length} targets: one for each`);
}

const isList = (into: NonNullable<PullOptions['into']>): into is readonly ReceiveBuffer[] => Array.isArray(into);

function claimAll(buffers: readonly ReceiveBuffer[], what: string): (() => void)[] {
  const claimed: (() => void)[] = [];
  try {
    for (const buffer of buffers) claimed.push(claim(dataOf(buffer), what));
    return claimed;
  } catch (error) {
    for (const release of claimed) release();
    throw error;
  }
}
