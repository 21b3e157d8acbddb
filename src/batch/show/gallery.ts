import { readFile } from 'node:fs/promises';
import { smallCopy } from '../../../kernels/batch/small-copy.ts';
import { fsPath } from '../../util/byte-names.ts';
import type { Work } from '../item.ts';
import type { OutputPaths } from '../output-paths.ts';
import { inLanes } from '../plan/lanes.ts';
import type { BatchRecord } from '../results/record.ts';
import { Report, type ReportFacts } from './report.ts';
import { Sheet, SIDE } from './sheet.ts';
import { numbersOf, type Shown } from './shown.ts';

/** The outputs of a batch that people look at: the contact sheet and the report. */
export class Gallery {
  readonly #paths: OutputPaths;
  readonly #sheet: Sheet | undefined;
  readonly #report: Report | undefined;

  constructor(paths: OutputPaths, total: number) {
    const { sheet, html } = paths;
    this.#paths = paths;
    this.#sheet = sheet === undefined ? undefined : new Sheet(sheet, total);
    this.#report = html === undefined ? undefined : new Report(html, total);
  }

  /** Is anything shown at all? */
  get isWanted(): boolean {
    return this.#sheet !== undefined || this.#report !== undefined;
  }

  /** The side of the small copy of the picture at this place; undefined for none. */
  sideOf(order: number): number | undefined {
    return this.#sheet?.wants(order) || this.#report?.wants(order) ? SIDE : undefined;
  }

  add(record: BatchRecord, rest: Pick<Shown, 'order' | 'thumbnail' | 'drawing'>): void {
    if (!this.isWanted) return;
    const { image, path, ms } = record;
    const shown: Shown = {
      image,
      path,
      ms,
      numbers: numbersOf(record),
      error: record.error ?? record.unwritten,
      ...rest,
    };
    this.#sheet?.add(shown);
    this.#report?.add(shown);
  }

  /** Shows pictures that earlier runs have done, as far as their drawings and records tell. */
  async addDone(done: readonly Work[], records: ReadonlyMap<string, BatchRecord>): Promise<void> {
    if (!this.isWanted) return;
    await inLanes(done, async (work) => {
      const { image, path, order, outputs } = work;
      const drawing = outputs?.drawTo;
      const side = this.sideOf(order);
      const small = side === undefined || drawing === undefined ? undefined : await copyOf(drawing, side);
      const record = records.get(path) ?? { image, path, size: 0, mtime: 0, run: '' };
      this.add(record, { order, thumbnail: small, drawing: small === undefined ? undefined : drawing });
    });
  }

  /** Writes both. Gives sentences for the user, and errors in words. */
  async write(facts: ReportFacts): Promise<{ readonly notes: string[]; readonly errors: string[] }> {
    const [notes, errors]: [string[], string[]] = [[], []];
    const { sheet, html } = this.#paths;
    for (const [path, write] of [
      [sheet, () => this.#sheet?.write()],
      [html, () => this.#report?.write(facts)],
    ] as const) {
      try {
        const note = await write();
        if (note !== undefined) notes.push(note);
      } catch (error) {
        errors.push(`cannot write ${path}: ${(error as Error).message}`);
      }
    }
    return { notes, errors };
  }
}

async function copyOf(path: string, side: number): Promise<Uint8Array | undefined> {
  return readFile(fsPath(path))
    .then((bytes) => smallCopy(bytes, side))
    .catch(() => undefined);
}
