import type { Note } from '../../../kernels/batch/note.ts';
import type { BatchJob } from '../../../kernels/batch/run-operation.ts';
import { shownPath } from '../../util/byte-names.ts';
import type { BatchOptions } from '../batch-options.ts';
import type { BatchFailure, Item, Work } from '../item.ts';
import type { BatchRecord } from '../results/record.ts';
import { digestOf } from './digest.ts';
import { type Digests, EarlierResults, type ItemState } from './earlier.ts';
import { findItems, skippedText } from './find-items.ts';
import { inLanes } from './lanes.ts';
import { type OperationReference, type ResolvedOperation, resolveOperation } from './operation-reference.ts';
import { checkOutputs } from './outputs.ts';
import { type Place, Places } from './places.ts';

/** The pictures that a batch has to do, and all that was found out before the first one. */
export interface BatchPlan {
  readonly operation: ResolvedOperation;
  readonly options: BatchOptions;
  readonly digests: Digests;
  /** How pictures that the operation gives are written. */
  readonly style: BatchJob['style'];
  /** The pictures to do. */
  readonly work: readonly Work[];
  /** How many pictures the arguments name. */
  readonly found: number;
  /** The pictures that are done, and why. */
  readonly done: readonly Work[];
  /** Pictures that failed in an earlier run, unchanged: they are left. */
  readonly failedBefore: number;
  readonly failures: readonly BatchFailure[];
  /** Sentences for the user. */
  readonly notes: readonly string[];
  readonly earlier: EarlierResults | undefined;
}

/**
 * Finds the pictures, checks the outputs, and looks up what earlier runs have done. Nothing is written.
 * @throws ClusterError for outputs that cannot be written, that would overwrite something, or that cannot be read
 * @throws TypeError for options that contradict each other
 */
export async function planBatch(
  reference: OperationReference,
  pictures: string | Iterable<string> | AsyncIterable<string>,
  options: BatchOptions,
  take?: (record: BatchRecord) => void,
): Promise<BatchPlan> {
  const operation = resolveOperation(reference);
  const { format = 'png', quality, maxSize, marks, out, root, overwrite = false } = options;
  const style = { format, quality, maxSize, marks };
  const { params = {}, read = {} } = options;
  const digests = { run: digestOf([operation.identity, params, read]), style: digestOf(style) };
  const where = typeof pictures === 'string' ? [pictures] : pictures;
  const { items, failures, skipped } = await findItems(where, options, out);
  await checkOutputs(options, items, overwrite);
  const earlier = options.skipExisting
    ? await EarlierResults.read(options, digests, options.retryFailed ?? false, take)
    : undefined;
  const places = out === undefined ? undefined : new Places({ out, root, format, overwrite }, items);
  const placed: [Item, Place | undefined][] = [];
  // One after the other: the first of two pictures of one name gets the shorter path.
  for (const item of items) placed.push([item, await places?.of(item)]);
  const verdicts = await inLanes(placed, async ([item, place]) => (await earlier?.of(item, place)) ?? 'new');
  const all = placed.map(([item, place], order): Work => {
    return {
      ...item,
      order,
      outputs: outputsOf(item, place, digests, overwrite ? 'all' : (earlier?.writtenFor(item) ?? [])),
    };
  });
  const of = (...wanted: ItemState[]) => all.filter((_, i) => wanted.includes(verdicts[i] as ItemState));
  const notes = [...anewText(verdicts), ...strangeText(options, earlier)];
  if (skipped.size > 0) notes.push(`passed over: ${skippedText(skipped)}`);
  return {
    operation,
    options,
    digests,
    style,
    found: items.length,
    work: all.filter((_, i) => verdicts[i] !== 'done' && verdicts[i] !== 'failed'),
    done: of('done'),
    failedBefore: of('failed').length,
    failures,
    notes,
    earlier,
  };
}

function outputsOf(
  { path, size, mtime }: Item,
  place: Place | undefined,
  digests: Digests,
  replaces: 'all' | readonly string[],
): Work['outputs'] {
  if (place === undefined) return undefined;
  const note: Note = { kind: 'drawing', path, size, mtime, ...digests };
  return { drawTo: place.drawTo, filesAt: place.filesAt, note, replaces };
}

const ANEW: readonly ItemState[] = ['changed', 'other parameters', 'an output is missing'];

function anewText(verdicts: readonly ItemState[]): string[] {
  const counts = ANEW.map((why) => [verdicts.filter((verdict) => verdict === why).length, why] as const);
  const shown = counts.filter(([n]) => n > 0).map(([n, why]) => `${n} ${why === 'changed' ? 'changed on disk' : why}`);
  return shown.length === 0 ? [] : [`done anew: ${shown.join(', ')}`];
}

function strangeText({ json }: BatchOptions, earlier: EarlierResults | undefined): string[] {
  const strange = earlier?.strange ?? 0;
  return strange === 0 ? [] : [`${json} has ${strange} lines without a record: they stay`];
}

/** The paths of the pictures to do, as a CSV writes them. */
export function shownPathsOf(work: readonly Work[]): Set<string> {
  return new Set(work.map(({ path }) => shownPath(path)));
}
