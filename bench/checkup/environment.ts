import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type DriverFiles, icdText } from './vulkan-files.ts';

/** Variables with which the Vulkan loader may find the card; it reads them when a process starts. */
export interface Attempt {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A way to the card, before the library folders are known. */
interface Way {
  readonly name: string;
  readonly icd?: string;
}

/** The findings that `attemptsOf` builds upon. */
export interface AttemptParts {
  readonly env: NodeJS.ProcessEnv;
  readonly files: DriverFiles;
  /** Folders of libraries that this system lacks. */
  readonly folders: readonly string[];
  /** For the files that it writes. */
  readonly work: string;
}

/**
 * The ways to the card, in the order in which they are tried: what the user set; else each driver file that was found,
 * one that is written for each driver library that was found, and the loader's own search.
 */
export function attemptsOf({ env, files, folders, work }: AttemptParts): Attempt[] {
  const named = env['VK_DRIVER_FILES'] ?? env['VK_ICD_FILENAMES'];
  const found: Way[] = files.icds.map((icd) => ({ name: icd, icd }));
  const written = files.libraries.map((library, i) => ({ name: `a file for ${library}`, icd: written1(library, i) }));
  const own: Way = { name: "the loader's own search" };
  const ways = named === undefined ? [...found, ...written, own] : [{ name: named, icd: named }];
  return ways.map(({ name, icd }) => ({ name, env: variables(icd) }));

  function written1(library: string, index: number): string {
    const path = join(work, `icd-${index}.json`);
    writeFileSync(path, icdText(library));
    return path;
  }

  function variables(icd: string | undefined): Record<string, string> {
    const libraries = [env['LD_LIBRARY_PATH'] ?? '', ...files.libraries.map(dirname), ...folders];
    const path = [...new Set(libraries.filter((folder) => folder !== ''))].join(':');
    const egl = env['__EGL_VENDOR_LIBRARY_FILENAMES'] ?? files.egl[0];
    return {
      ...(path === '' ? {} : { LD_LIBRARY_PATH: path }),
      ...(icd === undefined ? {} : { VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd }),
      ...(egl === undefined ? {} : { __EGL_VENDOR_LIBRARY_FILENAMES: egl }),
    };
  }
}

/** The folders that the linker of a 64-bit system searches without its cache. */
const LINKER_FOLDERS = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'lib64', 'usr/lib64'];

/** The names that the system's linker finds: in its cache, which small containers lack, and in its own folders. */
export function systemLibraries(root = '/'): ReadonlySet<string> {
  return new Set([...cachedLibraries(), ...LINKER_FOLDERS.flatMap((folder) => namesIn(join(root, folder)))]);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // It does not exist, or may not be read.
    return [];
  }
}

function cachedLibraries(): string[] {
  const ldconfig = ['/sbin/ldconfig', '/usr/sbin/ldconfig'].find((path) => existsSync(path)) ?? 'ldconfig';
  const { stdout } = spawnSync(ldconfig, ['-p'], { encoding: 'utf8', timeout: 3000 });
  return (stdout ?? '').split('\n').map((line) => line.trim().split(' ')[0] ?? '');
}

/**
 * A folder with links to those carried libraries that the system lacks; undefined where it lacks none. Its own are
 * better: they are of one kind with its driver.
 */
export function lackingLibraries(
  carried: string,
  system: ReadonlySet<string>,
  work: string,
): { readonly folder: string; readonly names: readonly string[] } | undefined {
  const names = (existsSync(carried) ? readdirSync(carried) : []).filter((name) => !system.has(name));
  if (names.length === 0) return undefined;
  const folder = join(work, 'lib');
  mkdirSync(folder, { recursive: true });
  for (const name of names) symlinkSync(join(carried, name), join(folder, name));
  return { folder, names };
}
