// The files that a batch writes: checked before any work starts, opened, and looked up to resume an earlier run.
import { access, constants, mkdir, mkdtemp, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClusterError } from '../../errors.ts';
import type { CornersFlags } from './flags.ts';
import type { Item } from './plan.ts';
import { CSV, JSON_LINES, LINES, type RecordFormat, Records, recorded } from './records.ts';

/** Checks that drawings and the sheet can be written. @throws ClusterError naming the path that cannot */
export async function checkOutputs({ out, sheet }: CornersFlags): Promise<void> {
  try {
    if (out !== undefined) {
      await mkdir(out, { recursive: true });
      // Permission bits say nothing about a read-only file system, and root may ignore them.
      await rmdir(await mkdtemp(join(out, '.directview-')));
    }
    if (sheet !== undefined) await access(dirname(sheet), constants.W_OK);
  } catch (error) {
    throw new ClusterError(`cannot write to ${out ?? sheet}: ${(error as Error).message}`, { cause: error });
  }
}

/** The pictures whose drawing and JSON line (if asked for) exist already. */
export async function finishedPictures(items: readonly Item[], { out, json }: CornersFlags): Promise<Set<string>> {
  const listed = json === undefined || json === '-' ? undefined : await recorded(json, JSON_LINES);
  const done = await Promise.all(
    items.map(async ({ image, drawTo }) => {
      if (listed !== undefined && !listed.has(image)) return [];
      return out === undefined || (await exists(drawTo as string)) ? [image] : [];
    }),
  );
  return new Set(done.flat());
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Opens the records that the flags ask for; without any output, lines on stdout. Lines about the pictures in `keep` stay.
 * @throws ClusterError when a file cannot be written
 */
export async function openRecords(
  { json, csv, out, sheet }: CornersFlags,
  keep: ReadonlySet<string>,
): Promise<Records[]> {
  const wanted: [string | undefined, RecordFormat][] = [
    [json, JSON_LINES],
    [csv, CSV],
  ];
  if ([json, csv, out, sheet].every((output) => output === undefined)) wanted.push(['-', LINES]);
  const records: Records[] = [];
  // One after the other: a file that cannot be opened must leave the later ones untouched.
  for (const [path, format] of wanted) if (path !== undefined) records.push(await Records.open(path, format, keep));
  return records;
}
