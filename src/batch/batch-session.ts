import type { Client } from '../client/client.ts';
import { AbortError } from '../errors.ts';
import { shownPath } from '../util/byte-names.ts';
import type { BatchOptions, BatchProgress } from './batch-options.ts';
import type { BatchSummary } from './batch-summary.ts';
import type { BatchFailure } from './item.ts';
import type { OperationReference } from './plan/operation-reference.ts';
import { type BatchPlan, planBatch } from './plan/plan.ts';
import type { BatchRecord } from './results/record.ts';
import { ReaderGone } from './results/results-file.ts';
import { BatchRun } from './run/batch-run.ts';
import { Outcomes } from './run/outcomes.ts';
import { sweepDrafts } from './run/sweep-drafts.ts';
import { ResultTargets, type StdoutFrame } from './run/targets.ts';
import { Gallery } from './show/gallery.ts';

const NO_FRAME: StdoutFrame = { before: () => {}, after: () => {} };

/** A batch from its plan to its summary. The engines are only needed in between: `run` may be left out. */
export class BatchSession {
  readonly plan: BatchPlan;
  readonly #gallery: Gallery;
  readonly #outcomes: Outcomes;
  readonly #targets: ResultTargets;
  #started = performance.now();
  #stopped: string | undefined;
  #isQuiet = false;

  private constructor(plan: BatchPlan, gallery: Gallery, targets: ResultTargets) {
    this.plan = plan;
    this.#gallery = gallery;
    this.#targets = targets;
    this.#outcomes = new Outcomes(plan, targets, gallery);
  }

  /**
   * Finds the pictures, checks and opens the outputs, and looks up what earlier runs have done.
   * @throws ClusterError for outputs that cannot be written, or that would overwrite something, before anything is changed
   */
  static async open(
    operation: OperationReference,
    pictures: string | Iterable<string> | AsyncIterable<string>,
    options: BatchOptions,
    frame: StdoutFrame = NO_FRAME,
  ): Promise<BatchSession> {
    const records = new Map<string, BatchRecord>();
    const isShown = options.sheet !== undefined || options.html !== undefined;
    // Only for the pictures to look at: without them no record is kept.
    const keep = isShown ? (record: BatchRecord) => records.set(record.path, withoutLists(record)) : undefined;
    const plan = await planBatch(operation, pictures, options, keep);
    await sweepDrafts(plan);
    const gallery = new Gallery(options, plan.found);
    await gallery.addDone(plan.done, records);
    return new BatchSession(plan, gallery, await ResultTargets.open(plan, frame));
  }

  /** The state of the work so far. */
  get progress(): BatchProgress {
    const { done, failed } = this.#outcomes.counts;
    const elapsed = performance.now() - this.#started;
    return { done: done + failed, failed, total: this.plan.work.length, elapsed };
  }

  /** Does the pictures. It never throws: a batch that ends early says so in its summary. */
  async run(rc: Client): Promise<void> {
    this.#started = performance.now();
    const { onProgress } = this.plan.options;
    const { plan } = this;
    const sink = this.#outcomes;
    const run = new BatchRun(plan, {
      thumbnailOf: (work) => sink.thumbnailOf(work),
      take: async (work, outcome) => {
        await sink.take(work, outcome);
        onProgress?.(this.progress);
      },
    });
    await this.#targets
      .begin()
      .then(() => run.work(rc))
      .catch((error: unknown) => this.stop(error));
  }

  /** Ends the batch early. */
  stop(error: unknown): void {
    this.#isQuiet = error instanceof ReaderGone;
    this.#stopped ??= reasonOf(error);
  }

  /** Ends the outputs and sums up. Call it once. */
  async finish(): Promise<BatchSummary> {
    const elapsed = performance.now() - this.#started;
    const { counts, failures } = this.#outcomes;
    const errors: string[] = [];
    await this.#outcomes.close().catch((error: Error) => errors.push(error.message));
    const { plan } = this;
    const all: BatchFailure[] = [...plan.failures, ...failures].map(({ image, reason }) => ({
      image: shownPath(image),
      reason,
    }));
    const summary: BatchSummary = {
      pictures: plan.work.length,
      done: counts.done,
      failed: counts.failed,
      earlier: plan.done.length,
      failedBefore: plan.failedBefore,
      failures: all,
      elapsed,
      stopped: this.#stopped,
      readerGone: this.#isQuiet,
      notes: [...plan.notes, ...this.#targets.notes, ...notesOf(counts)],
      errors,
    };
    const shown = await this.#gallery.write({
      title: `directview ${plan.operation.name}`,
      parameters: JSON.stringify({ params: plan.options.params ?? {}, read: plan.options.read ?? {} }),
      lines: [summaryLine(summary), ...summary.notes],
    });
    return { ...summary, notes: [...summary.notes, ...shown.notes], errors: [...errors, ...shown.errors] };
  }
}

/** The numbers of pictures, the time, and how many failed: one line. */
export function summaryLine({ done, pictures, elapsed, failed }: BatchSummary): string {
  const rate = (elapsed > 0 ? (done * 1000) / elapsed : 0).toPrecision(3);
  const bad = failed === 0 ? '' : `, ${failed} failed`;
  return `${done}/${pictures} pictures [${(elapsed / 1000).toFixed(1)} s, ${rate} pictures/s]${bad}`;
}

function notesOf({ forgotten, hints }: Outcomes['counts']): string[] {
  const notes: string[] = [];
  if (forgotten.tensors > 0) {
    notes.push(
      `the operation left ${forgotten.tensors} tensors on ${forgotten.pictures} pictures: they were freed after each`,
    );
  }
  if (hints.pictures > 0) notes.push(`hints on ${hints.pictures} pictures, the first: ${hints.first}`);
  return notes;
}

/** A record that is only shown: lists are long. */
function withoutLists(record: BatchRecord): BatchRecord {
  const { corners, responses, subpix: _, ...rest } = record;
  const first = Array.isArray(responses) ? responses.slice(0, 1) : undefined;
  // An array of that length without elements takes no memory.
  return Array.isArray(corners) ? { ...rest, corners: new Array(corners.length), responses: first } : record;
}

/** Why a batch ended early, in words. */
function reasonOf(error: unknown): string {
  if (!(error instanceof AbortError)) return (error as Error).message;
  const { cause } = error;
  return cause instanceof Error ? cause.message : String(cause ?? error.message);
}
