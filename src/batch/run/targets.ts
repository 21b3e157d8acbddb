import { ClusterError } from '../../errors.ts';
import { type BatchPlan, shownPathsOf } from '../plan/plan.ts';
import { headOf } from '../results/csv.ts';
import { ResultsFile, type ResultsSink, StreamSink } from '../results/results-file.ts';

/** Called around each text on stdout: the command line takes its progress bar away. */
export interface StdoutFrame {
  before(): void;
  after(): void;
}

/** Where the lines of a batch go: files, which earlier runs may have begun, and stdout. */
export class ResultTargets {
  readonly #plan: BatchPlan;
  readonly #files: { readonly json: ResultsFile | undefined; readonly csv: ResultsFile | undefined };
  readonly json: ResultsSink | undefined;
  readonly csv: ResultsSink | undefined;
  /** Lines for people; only without any other output. */
  readonly lines: ResultsSink | undefined;
  #columns: readonly string[] | undefined;
  #hasHead: boolean;

  private constructor(
    plan: BatchPlan,
    files: { json: ResultsFile | undefined; csv: ResultsFile | undefined },
    frame: StdoutFrame,
  ) {
    const { json, csv, out, sheet, html } = plan.options;
    const stdout = () => new StreamSink(process.stdout, frame);
    const isSilent = [json, csv, out, sheet, html].some((output) => output !== undefined);
    this.#plan = plan;
    this.#files = files;
    this.json = json === '-' ? stdout() : files.json;
    this.csv = csv === '-' ? stdout() : files.csv;
    this.lines = isSilent ? undefined : stdout();
    const there = plan.earlier?.csvEnd(shownPathsOf(plan.work)).columns;
    this.#hasHead = there !== undefined;
    this.#columns = there ?? plan.operation.csv.fixed;
  }

  /**
   * Opens the files and changes nothing in them.
   * @throws ClusterError when a file cannot be written, or has columns of another operation
   */
  static async open(plan: BatchPlan, frame: StdoutFrame): Promise<ResultTargets> {
    const files = { json: await fileOf(plan.options.json), csv: await fileOf(plan.options.csv) };
    const targets = new ResultTargets(plan, files, frame);
    const { fixed } = plan.operation.csv;
    if (fixed === undefined || targets.columns?.join() === fixed.join()) return targets;
    await targets.close();
    throw new ClusterError(`--csv ${plan.options.csv} has other columns than this batch: name another file`);
  }

  /** The columns of the CSV, once they are known. */
  get columns(): readonly string[] | undefined {
    return this.#columns;
  }

  /** Sentences about what is in the files. */
  get notes(): readonly string[] {
    if (this.#plan.options.skipExisting) return [];
    const { json, csv } = this.#plan.options;
    const replaced = [json, csv].filter((_, i) => ([this.#files.json, this.#files.csv][i]?.size ?? 0) > 0);
    return replaced.map((path) => `${path}: the results of an earlier run were replaced`);
  }

  /** Cuts off half lines of earlier runs, or, where the batch begins anew, everything. */
  async begin(): Promise<void> {
    const { earlier, work } = this.#plan;
    const { length, wantsFeed } = earlier?.jsonEnd ?? { length: 0, wantsFeed: false };
    await this.#files.json?.begin(length);
    if (wantsFeed) await this.#files.json?.append('\n');
    await this.#files.csv?.begin(this.#hasHead ? (earlier?.csvEnd(shownPathsOf(work)).length ?? 0) : 0);
    if (this.#columns !== undefined) await this.setColumns(this.#columns);
  }

  /** Writes the head of the CSV, unless it is there. */
  async setColumns(columns: readonly string[]): Promise<void> {
    this.#columns = columns;
    if (!this.#hasHead) await this.csv?.append(headOf(columns));
    this.#hasHead = true;
  }

  async close(): Promise<void> {
    await Promise.all([this.#files.json?.close(), this.#files.csv?.close()]);
  }
}

function fileOf(path: string | undefined): Promise<ResultsFile | undefined> {
  return path === undefined || path === '-' ? Promise.resolve(undefined) : ResultsFile.open(path);
}
