// A batch of pictures over the engines: results are written as they come and not kept, so that thousands need no more
// memory than a few.
import { access, constants, mkdir, mkdtemp, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CornersJob, CornersOfFile } from '../../../kernels/index.ts';
import type { Client } from '../../client/client.ts';
import type { LoadBalancedView } from '../../client/load-balanced/balanced-view.ts';
import { ClusterError, RemoteError } from '../../errors.ts';
import { fromModule, KERNELS } from '../../protocol/values/module-function.ts';
import type { ClusterFlags } from '../engine-flags.ts';
import { withCluster } from '../with-cluster.ts';
import { deal } from './dealer.ts';
import { type CornersFlags, cornersOptions } from './flags.ts';
import { Meter } from './meter.ts';
import { type Failure, type Item, planBatch } from './plan.ts';
import { CSV, type Format, JSON_LINES, LINES, Records, recorded } from './records.ts';
import { Sheet, SIDE } from './sheet.ts';

const cornersOfFile = fromModule<(job: CornersJob) => Promise<CornersOfFile>>(KERNELS, 'cornersOfFile');

interface Numbered extends Item {
  readonly place: number;
}

/**
 * True when every picture was done; those that were not are listed on stderr.
 * @throws ClusterError when an output cannot be written, before any work starts
 */
export async function runBatch(where: readonly string[], flags: CornersFlags): Promise<boolean> {
  const { items, failures } = await planBatch(where, flags.out);
  await checkOutputs(flags);
  const skipped = flags.skipExisting ? await existing(items, flags) : new Set<string>();
  const todo = items.filter(({ image }) => !skipped.has(image));
  const batch = new Batch(flags, todo.length, failures, await openRecords(flags, skipped));
  if (skipped.size > 0) process.stderr.write(`${skipped.size} pictures are there already\n`);
  if (todo.length > 0) await withCluster(fewEngines(flags, todo.length), ({ rc }) => batch.run(rc, todo));
  return batch.finish();
}

async function checkOutputs({ out, sheet }: CornersFlags): Promise<void> {
  try {
    if (out !== undefined) {
      await mkdir(out, { recursive: true });
      // Permission bits do not tell about read-only file systems, nor to root.
      await rmdir(await mkdtemp(join(out, '.directview-')));
    }
    if (sheet !== undefined) await access(dirname(sheet), constants.W_OK);
  } catch (error) {
    throw new ClusterError(`cannot write to ${out ?? sheet}: ${(error as Error).message}`, { cause: error });
  }
}

/** Pictures of which every output that can be looked up is there. */
async function existing(items: readonly Item[], { out, json }: CornersFlags): Promise<Set<string>> {
  const listed = json === undefined || json === '-' ? undefined : await recorded(json, JSON_LINES);
  const done = await Promise.all(
    items.map(async ({ image, drawTo }) => {
      if (listed !== undefined && !listed.has(image)) return [];
      return out === undefined || (await isThere(drawTo as string)) ? [image] : [];
    }),
  );
  return new Set(done.flat());
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function openRecords({ json, csv, out, sheet }: CornersFlags, keep: ReadonlySet<string>): Promise<Records[]> {
  const wanted: [string | undefined, Format][] = [
    [json, JSON_LINES],
    [csv, CSV],
  ];
  if ([json, csv, out, sheet].every((output) => output === undefined)) wanted.push(['-', LINES]);
  const records: Records[] = [];
  for (const [path, format] of wanted) if (path !== undefined) records.push(await Records.open(path, format, keep));
  return records;
}

/** Starts no engine that would get no picture. */
function fewEngines(flags: CornersFlags, pictures: number): ClusterFlags {
  return flags.engines === undefined ? flags : { ...flags, engines: Math.min(flags.engines, pictures) };
}

class Batch {
  readonly #flags: CornersFlags;
  readonly #total: number;
  readonly #failures: Failure[];
  readonly #records: readonly Records[];
  readonly #sheet: Sheet | undefined;
  #meter = new Meter();
  #done = 0;
  #failed = 0;

  constructor(flags: CornersFlags, total: number, failures: readonly Failure[], records: readonly Records[]) {
    this.#flags = flags;
    this.#total = total;
    this.#failures = [...failures];
    this.#records = records;
    if (flags.sheet !== undefined) this.#sheet = new Sheet(flags.sheet, total);
  }

  async run(rc: Client, items: readonly Item[]): Promise<void> {
    this.#meter = new Meter();
    const numbered = items.map((item, place): Numbered => ({ ...item, place }));
    const submit = (view: LoadBalancedView, item: Numbered) => view.apply(cornersOfFile, this.#job(item));
    for await (const end of deal(rc, numbered, submit)) {
      if ('error' in end) this.#fail(end.job, end.error);
      else await this.#take(end.job, end.value);
      this.#meter.show(this.#count);
    }
  }

  #job({ path, drawTo, place }: Numbered): CornersJob {
    return {
      path,
      options: cornersOptions(this.#flags),
      ...(drawTo === undefined ? {} : { drawTo }),
      ...(this.#sheet?.wants(place) ? { thumbnail: SIDE } : {}),
    };
  }

  async #take({ image, place }: Numbered, found: CornersOfFile): Promise<void> {
    for (const records of this.#records) await records.add(image, found);
    if (found.thumbnail !== undefined) this.#sheet?.add(place, found.thumbnail);
    this.#done++;
  }

  #fail({ image }: Item, error: Error): void {
    this.#failed++;
    this.#failures.push({ image, reason: error instanceof RemoteError ? error.evalue : error.message });
  }

  get #count() {
    return { done: this.#done, failed: this.#failed, total: this.#total };
  }

  async finish(): Promise<boolean> {
    await this.#sheet?.write();
    for (const records of this.#records) await records.close();
    this.#meter.end(this.#count);
    for (const { image, reason } of this.#failures) process.stderr.write(`failed: ${image}: ${reason}\n`);
    return this.#failures.length === 0;
  }
}
