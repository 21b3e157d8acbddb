import { relative, resolve } from 'node:path';
import type { BatchAnswer } from '../../../kernels/batch/run-operation.ts';
import { shownPath } from '../../util/byte-names.ts';
import type { BatchFailure, Item, Work } from '../item.ts';
import type { BatchPlan } from '../plan/plan.ts';
import { type CsvForm, rowsOf } from '../results/csv.ts';
import { type BatchRecord, identityOf } from '../results/record.ts';
import type { Gallery } from '../show/gallery.ts';
import { numbersOf, numberText } from '../show/shown.ts';
import { Failed, type OutcomeSink } from './batch-run.ts';
import type { ResultTargets } from './targets.ts';

/** Counts of a batch. */
export interface OutcomeCounts {
  readonly done: number;
  readonly failed: number;
  /** Tensors that operations left, and the pictures on which they did. */
  readonly forgotten: { readonly tensors: number; readonly pictures: number };
  /** Pictures whose operation gave a hint, and the first hint. */
  readonly hints: { readonly pictures: number; readonly first: string };
}

/**
 * Writes the outcomes of a batch as they arrive and keeps none of them, so that memory does not grow with the number of
 * pictures. The CSV comes before the JSON lines: a picture with a JSON line has all its rows.
 */
export class Outcomes implements OutcomeSink {
  readonly #plan: BatchPlan;
  readonly #targets: ResultTargets;
  readonly #gallery: Gallery;
  readonly #form: CsvForm;
  readonly failures: BatchFailure[] = [];
  /** Failures before the first record, which decides about the columns. */
  #held: BatchRecord[] = [];
  #done = 0;
  #failed = 0;
  readonly #forgotten = { tensors: 0, pictures: 0 };
  readonly #hints = { pictures: 0, first: '' };

  constructor(plan: BatchPlan, targets: ResultTargets, gallery: Gallery) {
    this.#plan = plan;
    this.#targets = targets;
    this.#gallery = gallery;
    this.#form = plan.operation.csv;
  }

  get counts(): OutcomeCounts {
    return { done: this.#done, failed: this.#failed, forgotten: this.#forgotten, hints: this.#hints };
  }

  thumbnailOf({ order }: Work): number | undefined {
    return this.#gallery.sideOf(order);
  }

  async take(work: Work, outcome: BatchAnswer | Failed): Promise<void> {
    let record = outcome instanceof Failed ? this.#failure(work, outcome) : this.#record(work, outcome);
    try {
      await this.#writeRows(record);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      record = { ...record, unwritten: error.message };
    }
    // A reader of stdout gets results alone, as ever: failures are on stderr.
    const isKept = record.error === undefined || this.#plan.options.json !== '-';
    if (isKept) await this.#targets.json?.append(`${JSON.stringify(record)}\n`);
    if (record.error === undefined) await this.#targets.lines?.append(lineOf(record));
    this.#count(record, outcome instanceof Failed ? undefined : outcome);
    const thumbnail = outcome instanceof Failed ? undefined : outcome.thumbnail;
    this.#gallery.add(record, { order: work.order, thumbnail, drawing: this.#drawingOf(work, record) });
    this.#plan.options.onRecord?.(record);
  }

  #record(work: Work, { shape, record, ms, written, unwritten }: BatchAnswer): BatchRecord {
    const { out } = this.#plan.options;
    const { run, style } = this.#plan.digests;
    const files = out === undefined ? {} : { written: written.map((path) => relative(resolve(out), path)), style };
    return {
      image: work.image,
      shape,
      ...record,
      ms: Number(ms.toFixed(2)),
      ...(unwritten === undefined ? {} : { unwritten }),
      ...files,
      ...identityOf(work, run),
    };
  }

  #failure(work: Item, { name, reason, isFinal }: Failed): BatchRecord {
    const { run } = this.#plan.digests;
    return { image: work.image, error: reason, errorName: name, final: isFinal, ...identityOf(work, run) };
  }

  #drawingOf({ outputs }: Work, { written = [] }: BatchRecord): string | undefined {
    const { out } = this.#plan.options;
    if (out === undefined || outputs === undefined) return undefined;
    return written.includes(relative(resolve(out), outputs.drawTo)) ? outputs.drawTo : undefined;
  }

  async #writeRows(record: BatchRecord): Promise<void> {
    const { csv, columns } = this.#targets;
    if (csv === undefined) return;
    if (columns !== undefined) await csv.append(rowsOf(this.#form, record, columns));
    else if (record.error !== undefined) this.#held.push(record);
    else await this.#writeHeld([record]);
  }

  /** The first record decides about the columns: the head, and the failures that waited for it. */
  async #writeHeld(records: readonly BatchRecord[]): Promise<void> {
    const all = [...this.#held, ...records];
    this.#held = [];
    const columns = this.#form.columns(all.at(-1) as BatchRecord);
    await this.#targets.setColumns(columns);
    for (const one of all) await this.#targets.csv?.append(rowsOf(this.#form, one, columns));
  }

  #count({ image, error, unwritten, hint }: BatchRecord, answer: BatchAnswer | undefined): void {
    const reason = error ?? unwritten;
    if (reason === undefined) this.#done++;
    else {
      this.#failed++;
      this.failures.push({ image, reason });
    }
    if (answer !== undefined && answer.forgotten > 0) {
      this.#forgotten.tensors += answer.forgotten;
      this.#forgotten.pictures++;
    }
    if (typeof hint !== 'string') return;
    if (this.#hints.pictures++ === 0) this.#hints.first = `${image}: ${hint}`;
  }

  /** Writes what waits for a head, and closes the files. @throws ClusterError when that fails */
  async close(): Promise<void> {
    try {
      if (this.#held.length > 0) await this.#writeHeld([]);
    } finally {
      await this.#targets.close();
    }
  }
}

/** One line for people. */
function lineOf(record: BatchRecord): string {
  const { image, shape = [], corners } = record;
  if (Array.isArray(corners)) return `${shownPath(image)}: ${shape.join('×')}, ${corners.length} corners\n`;
  const parts = numbersOf(record).map(([name, value]) => `${name} ${numberText(value)}`);
  return `${shownPath(image)}: ${[shape.join('×'), ...parts].join(', ')}\n`;
}
