import { existsSync } from 'node:fs';
import { access, constants, mkdtemp, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { noteOf } from '../../../kernels/batch/note.ts';
import { ClusterError } from '../../errors.ts';
import { makeFolders } from '../../util/system/make-folders.ts';
import type { Item } from '../item.ts';
import type { OutputPaths } from '../output-paths.ts';
import { isResultsHead } from '../results/csv.ts';
import { type Line, linesOf } from '../results/line-reader.ts';
import { isResultsLine } from '../results/survey.ts';

/** The first line of a report. */
export const REPORT_MARK = '<!doctype html><!-- directview report -->';

type Kind = 'json' | 'csv' | 'sheet' | 'html';

/** How a batch's file of each kind is known. */
const IS_OURS: Readonly<Record<Kind, (path: string) => Promise<boolean>>> = {
  json: async (path) => isResultsLine(await firstLine(path)),
  csv: async (path) => isResultsHead((await firstLine(path)).text),
  sheet: async (path) => (await noteOf(path))?.kind === 'sheet',
  html: async (path) => (await firstLine(path)).text.startsWith(REPORT_MARK),
};
const KINDS: readonly Kind[] = ['json', 'csv', 'sheet', 'html'];
const NAMES: Readonly<Record<Kind, string>> = {
  json: 'JSON lines',
  csv: 'a CSV',
  sheet: 'a contact sheet',
  html: 'a report',
};

/**
 * Checks that the outputs can be written, that they are different files, that none of them is one of the pictures, and
 * that no file which a batch has not written would be replaced. It changes nothing.
 * @throws ClusterError naming the output
 */
export async function checkOutputs(paths: OutputPaths, items: readonly Item[], overwrite: boolean): Promise<void> {
  const files = KINDS.flatMap((kind) => {
    const path = paths[kind];
    return path === undefined || path === '-' ? [] : [{ kind, path }];
  });
  const pictures = new Map(
    items.flatMap(({ path, inode, image }) => [[path, image] as const, [inode, image] as const]),
  );
  const seen = new Map<string, Kind>();
  for (const { kind, path } of files) {
    const found = await stat(path).catch(() => undefined);
    const names = [resolve(path), ...(found === undefined ? [] : [`${found.dev}:${found.ino}`])];
    const picture = names.map((name) => pictures.get(name)).find((image) => image !== undefined);
    if (picture !== undefined) throw new ClusterError(`--${kind} ${path} is one of the pictures: name another file`);
    const other = names.map((name) => seen.get(name)).find((one) => one !== undefined);
    if (other !== undefined && found?.isFile() !== false) {
      throw new ClusterError(`--${other} and --${kind} name the same file ${path}: name two`);
    }
    for (const name of names) seen.set(name, kind);
    if (found?.isFile() && !overwrite) await mustBeOurs(kind, path, found.size);
  }
  await mustBeWritable(paths);
}

/** @throws ClusterError for a file that is not empty and that no batch has written */
async function mustBeOurs(kind: Kind, path: string, size: number): Promise<void> {
  if (size === 0) return;
  const isOurs = await IS_OURS[kind](path).catch((error: Error) => {
    throw new ClusterError(`cannot read ${path}: ${error.message}`, { cause: error });
  });
  if (isOurs) return;
  throw new ClusterError(
    `--${kind} would overwrite ${path}, which is not ${NAMES[kind]} of a batch: name another file, or remove it`,
  );
}

const NO_LINE: Pick<Line, 'text' | 'isWhole'> = { text: '', isWhole: false };

async function firstLine(path: string): Promise<Pick<Line, 'text' | 'isWhole'>> {
  for await (const line of linesOf(path)) return line;
  return NO_LINE;
}

/** Makes the folder and those above it. @throws the error of node:fs */
async function makeFolder(path: string): Promise<void> {
  try {
    makeFolders(resolve(path));
  } catch (error) {
    // On a read-only file system Node says that the folder is not there: the folder above it knows the reason.
    let above = dirname(resolve(path));
    while (!existsSync(above)) above = dirname(above);
    await access(above, constants.W_OK);
    throw error;
  }
}

/** @throws ClusterError naming the path that cannot be written */
async function mustBeWritable({ out, sheet, html }: OutputPaths): Promise<void> {
  let path = out ?? '';
  try {
    if (out !== undefined) {
      await makeFolder(out);
      // Permission bits say nothing about a read-only file system, and root may ignore them.
      await rmdir(await mkdtemp(join(out, '.directview-')));
    }
    for (const file of [sheet, html]) {
      if (file === undefined) continue;
      path = file;
      await access(dirname(file), constants.W_OK);
    }
  } catch (error) {
    throw new ClusterError(`cannot write to ${path}: ${(error as Error).message}`, { cause: error });
  }
}
