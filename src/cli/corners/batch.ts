// A batch of pictures on the engines. Results are written as they arrive and not kept, so that memory does not grow with
// the number of pictures.
import type { CornersJob, CornersOfFile } from '../../../kernels/index.ts';
import type { Client } from '../../client/client.ts';
import { ProgressBar, rateOf } from '../../client/results/progress-bar.ts';
import { RemoteError } from '../../errors.ts';
import type { ClusterFlags } from '../engine-flags.ts';
import { withCluster } from '../with-cluster.ts';
import { type CornersFlags, cornersOptions } from './flags.ts';
import { checkOutputs, finishedPictures, openRecords } from './outputs.ts';
import { type Failure, type Item, planBatch } from './plan.ts';
import type { Records } from './records.ts';
import { Sheet, SIDE } from './sheet.ts';
import { streamCorners } from './stream.ts';

/**
 * Finds the corners of all pictures, writes the outputs, and lists the pictures that failed on stderr. True if none did.
 * @throws ClusterError when an output cannot be written, before any work starts
 */
export async function runBatch(where: readonly string[], flags: CornersFlags): Promise<boolean> {
  const { items, failures } = await planBatch(where, flags.out);
  await checkOutputs(flags);
  const finished = flags.skipExisting ? await finishedPictures(items, flags) : new Set<string>();
  const todo = items.filter(({ image }) => !finished.has(image));
  const batch = new Batch(flags, todo, failures, await openRecords(flags, finished));
  if (finished.size > 0) process.stderr.write(`${finished.size} pictures are there already\n`);
  if (todo.length > 0) await withCluster(fewEngines(flags, todo.length), ({ rc }) => batch.run(rc));
  return batch.finish();
}

/** Starts no engine that would get no picture. */
function fewEngines(flags: CornersFlags, pictures: number): ClusterFlags {
  return flags.engines === undefined ? flags : { ...flags, engines: Math.min(flags.engines, pictures) };
}

class Batch {
  readonly #flags: CornersFlags;
  readonly #items: readonly Item[];
  readonly #failures: Failure[];
  readonly #records: readonly Records[];
  readonly #sheet: Sheet | undefined;
  readonly #bar = new ProgressBar();
  #started = performance.now();
  #done = 0;
  #failed = 0;

  constructor(flags: CornersFlags, items: readonly Item[], failures: readonly Failure[], records: readonly Records[]) {
    this.#flags = flags;
    this.#items = items;
    this.#failures = [...failures];
    this.#records = records;
    if (flags.sheet !== undefined) this.#sheet = new Sheet(flags.sheet, items.length);
  }

  async run(rc: Client): Promise<void> {
    this.#started = performance.now();
    let place = 0;
    try {
      for await (const result of streamCorners(rc, this.#jobs())) {
        await this.#take(place++, result);
        this.#showBar();
      }
    } finally {
      this.#bar.clear();
    }
  }

  /** One job per picture, made when the engines are ready for it. */
  *#jobs(): Generator<CornersJob, void, undefined> {
    const options = cornersOptions(this.#flags);
    for (const [place, { path, drawTo }] of this.#items.entries()) {
      yield { path, options, drawTo, thumbnail: this.#sheet?.wants(place) ? SIDE : undefined };
    }
  }

  async #take(place: number, result: CornersOfFile | RemoteError): Promise<void> {
    const { image } = this.#items[place] as Item;
    if (result instanceof RemoteError) this.#fail(image, result.evalue);
    else await this.#write(image, place, result);
  }

  async #write(image: string, place: number, found: CornersOfFile): Promise<void> {
    for (const records of this.#records) await records.add(image, found);
    if (found.thumbnail !== undefined) this.#sheet?.add(place, found.thumbnail);
    if (found.drawError === undefined) this.#done++;
    else this.#fail(image, found.drawError);
  }

  #fail(image: string, reason: string): void {
    this.#failed++;
    this.#failures.push({ image, reason });
  }

  #showBar(): void {
    this.#bar.show({
      label: 'corners',
      done: this.#done + this.#failed,
      total: this.#items.length,
      elapsed: performance.now() - this.#started,
      unit: 'pictures',
      note: this.#failed === 0 ? undefined : `${this.#failed} failed`,
    });
  }

  /** Ends the outputs and prints the summary. True if no picture and no argument failed. */
  async finish(): Promise<boolean> {
    await this.#sheet?.write();
    for (const records of this.#records) await records.close();
    process.stderr.write(`${this.#summary()}\n`);
    for (const { image, reason } of this.#failures) process.stderr.write(`failed: ${image}: ${reason}\n`);
    return this.#failures.length === 0;
  }

  #summary(): string {
    const elapsed = performance.now() - this.#started;
    const rate = rateOf(this.#done, elapsed).toPrecision(3);
    const failed = this.#failed === 0 ? '' : `, ${this.#failed} failed`;
    return `${this.#done}/${this.#items.length} pictures [${(elapsed / 1000).toFixed(1)} s, ${rate} pictures/s]${failed}`;
  }
}
