import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ClusterError } from '../../errors.ts';
import { fsPath, shownPath } from '../../util/byte-names.ts';
import type { Item } from '../item.ts';
import type { OutputPaths } from '../output-paths.ts';
import type { BatchRecord } from '../results/record.ts';
import { type CsvSurvey, type Earlier, hasRows, type JsonSurvey, surveyCsv, surveyJson } from '../results/survey.ts';
import type { Place } from './places.ts';

/** Why a picture is done, or done anew. */
export type ItemState = 'new' | 'done' | 'failed' | 'changed' | 'other parameters' | 'an output is missing';

/** The digests that tell whether a result would be the same. */
export interface Digests {
  /** The operation and its parameters. */
  readonly run: string;
  /** The way in which pictures are drawn and written. */
  readonly style: string;
}

/** The results of earlier runs in the outputs of this one. */
export class EarlierResults {
  readonly #paths: OutputPaths;
  readonly #digests: Digests;
  readonly #json: JsonSurvey | undefined;
  readonly #csv: CsvSurvey | undefined;
  readonly #retryFailed: boolean;

  private constructor(
    paths: OutputPaths,
    digests: Digests,
    surveys: { json: JsonSurvey | undefined; csv: CsvSurvey | undefined },
    retryFailed: boolean,
  ) {
    this.#paths = paths;
    this.#digests = digests;
    this.#json = surveys.json;
    this.#csv = surveys.csv;
    this.#retryFailed = retryFailed;
  }

  /**
   * Reads the outputs of earlier runs. `take` is called with each record of the JSON lines.
   * @throws ClusterError when an output is there and cannot be read
   */
  static async read(
    paths: OutputPaths,
    digests: Digests,
    retryFailed: boolean,
    take?: (record: BatchRecord) => void,
  ): Promise<EarlierResults> {
    const json = (await isFile(paths.json))
      ? await surveyed(paths.json as string, (path) => surveyJson(path, take))
      : undefined;
    const csv = (await isFile(paths.csv)) ? await surveyed(paths.csv as string, surveyCsv) : undefined;
    return new EarlierResults(paths, digests, { json, csv }, retryFailed);
  }

  /** Lines of the JSON file that hold no record. */
  get strange(): number {
    return this.#json?.strange ?? 0;
  }

  /** The state of a picture, as the outputs tell. */
  async of(item: Item, place: Place | undefined): Promise<ItemState> {
    const earlier = this.#json === undefined ? earlierOf(place) : this.#json.records.get(item.path);
    if (earlier === undefined) return 'new';
    if (earlier.size !== item.size || earlier.mtime !== item.mtime)
      return isKnown(earlier) ? 'changed' : 'other parameters';
    if (earlier.run !== this.#digests.run) return 'other parameters';
    if (earlier.error !== undefined) return earlier.final && !this.#retryFailed ? 'failed' : 'new';
    if (place !== undefined && earlier.style !== this.#digests.style)
      return earlier.style === undefined ? 'an output is missing' : 'other parameters';
    return (await this.#isComplete(item, earlier)) ? 'done' : 'an output is missing';
  }

  async #isComplete(item: Item, { written, unwritten }: Earlier): Promise<boolean> {
    if (unwritten !== undefined) return false;
    if (this.#csv !== undefined && !hasRows(this.#csv, item.path)) return false;
    if (this.#paths.out === undefined || this.#json === undefined) return true;
    if (written === undefined) return false;
    const out = resolve(this.#paths.out);
    const there = await Promise.all(written.map((name) => exists(join(out, name))));
    return there.every(Boolean);
  }

  /** The files that an earlier run wrote for this picture. */
  writtenFor(item: Item): readonly string[] {
    const { out } = this.#paths;
    if (out === undefined) return [];
    return (this.#json?.records.get(item.path)?.written ?? []).map((name) => join(resolve(out), name));
  }

  /** Bytes of the JSON lines to keep, and whether a line feed is missing behind them. */
  get jsonEnd(): { readonly length: number; readonly wantsFeed: boolean } {
    return this.#json ?? { length: 0, wantsFeed: false };
  }

  /**
   * Bytes of the CSV to keep. The rows of its last picture go when they are not all there. The JSON lines are written after
   * them: the rows of the last pictures which these do not have go too, where the pictures are done anew. `todo` has paths as
   * `shownPath` writes them.
   */
  csvEnd(todo: ReadonlySet<string>): { readonly length: number; readonly columns: readonly string[] | undefined } {
    const { last, length = 0, columns, starts = new Map<string, number>() } = this.#csv ?? {};
    if (last === undefined) return { length, columns };
    let end = last.isWhole ? length : last.start;
    if (this.#json === undefined) return { length: end, columns };
    const recorded = new Set([...this.#json.records.keys()].map(shownPath));
    for (const [path, start] of [...starts].reverse()) {
      if (recorded.has(path) || !todo.has(path)) break;
      end = Math.min(end, start);
    }
    return { length: end, columns };
  }
}

/** A file, or nothing yet; a pipe or a device holds no earlier results. */
async function isFile(path: string | undefined): Promise<boolean> {
  if (path === undefined || path === '-') return false;
  return stat(path).then(
    (found) => found.isFile(),
    () => true,
  );
}

/** Records of earlier versions do not say which picture they are about. */
const isKnown = ({ size }: Earlier) => size !== undefined;

async function surveyed<T>(path: string, survey: (path: string) => Promise<T>): Promise<T> {
  try {
    return await survey(path);
  } catch (error) {
    throw new ClusterError(`cannot read ${path}, where an earlier run may have ended: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** A drawing says itself what it was made from: its note is a record. */
function earlierOf(place: Place | undefined): Earlier | undefined {
  const note = place?.note;
  if (note === undefined || note === null || note.path === undefined) return undefined;
  const { path: image, size, mtime, run, style } = note;
  return { image, size, mtime, run, style } as Earlier;
}

function exists(path: string): Promise<boolean> {
  return stat(fsPath(path)).then(
    () => true,
    () => false,
  );
}
