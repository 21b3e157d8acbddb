import { access, constants, mkdir, mkdtemp, open, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { noteOf } from '../../../kernels/batch/note.ts';
import { ClusterError } from '../../errors.ts';
import type { Item } from '../item.ts';
import type { OutputPaths } from '../output-paths.ts';

/** The first line of a report. */
export const REPORT_MARK = '<!doctype html><!-- directview report -->';

type Kind = 'json' | 'csv' | 'sheet' | 'html';

/** How the files of each kind begin, those of earlier versions too. A sheet is known by its note. */
const BEGINS: Readonly<Record<Exclude<Kind, 'sheet'>, string>> = {
  json: '{"image":',
  csv: 'image,',
  html: REPORT_MARK,
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
  const isOurs = kind === 'sheet' ? (await noteOf(path))?.kind === 'sheet' : await beginsWith(path, BEGINS[kind]);
  if (isOurs) return;
  throw new ClusterError(
    `--${kind} would overwrite ${path}, which is not ${NAMES[kind]} of a batch: name another file, or remove it`,
  );
}

async function beginsWith(path: string, text: string): Promise<boolean> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(text.length), 0, text.length, 0);
    return buffer.subarray(0, bytesRead).toString('latin1') === text;
  } catch (error) {
    throw new ClusterError(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** @throws ClusterError naming the path that cannot be written */
async function mustBeWritable({ out, sheet, html }: OutputPaths): Promise<void> {
  let path = out ?? '';
  try {
    if (out !== undefined) {
      await mkdir(out, { recursive: true });
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
