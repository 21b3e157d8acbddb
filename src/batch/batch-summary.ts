import type { BatchFailure } from './item.ts';

/** The outcome of a batch. */
export interface BatchSummary {
  /** Pictures that were to be done in this run. */
  readonly pictures: number;
  readonly done: number;
  readonly failed: number;
  /** Pictures that earlier runs have done. */
  readonly earlier: number;
  /** Pictures that failed in an earlier run and have not changed: they were left. */
  readonly failedBefore: number;
  /** Every picture and argument that gave no result, or whose files could not be written. */
  readonly failures: readonly BatchFailure[];
  /** Milliseconds. */
  readonly elapsed: number;
  /** Why the batch ended before all pictures were done. */
  readonly stopped?: string | undefined;
  /** The reader of stdout has gone. */
  readonly readerGone: boolean;
  /** Sentences: what was passed over, what was done anew, what was left undisposed. */
  readonly notes: readonly string[];
  /** Why a sheet, a report or a file could not be written. */
  readonly errors: readonly string[];
}

/** Is everything done, and nothing failed? */
export function isClean({ failures, failedBefore, stopped, errors }: BatchSummary): boolean {
  return failures.length === 0 && failedBefore === 0 && stopped === undefined && errors.length === 0;
}
