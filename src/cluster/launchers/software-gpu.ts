// A software Vulkan driver (SwiftShader) for engines started with `softwareGpu`. The npm package @sparticuz/chromium ships
// it as a brotli-compressed tar. The Vulkan loader reads the variables at load time, so they must be set before the
// engine's process starts.
import { chmod, lstat, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { ContextError } from '../../errors.ts';
import { makeFolders } from '../../util/system/make-folders.ts';

const PACKAGE = '@sparticuz/chromium';
const WANTED = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json'];
const BLOCK = 512;

/**
 * The variables that make Vulkan find SwiftShader. The first call unpacks it (15 MB, a second) into a folder of this user.
 * @throws ContextError when the package is not installed, or this is not x64 Linux
 */
export async function softwareGpuEnv(): Promise<Record<string, string>> {
  const folder = await unpacked();
  const libraries = [folder, process.env['LD_LIBRARY_PATH']].filter((path) => path !== undefined && path !== '');
  const icd = join(folder, 'vk_swiftshader_icd.json');
  return { LD_LIBRARY_PATH: libraries.join(':'), VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd };
}

async function unpacked(): Promise<string> {
  const source = packageFolder();
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { version: string };
  const base = process.env['XDG_CACHE_HOME'] ?? tmpdir();
  const folder = join(base, `directview-swiftshader-${version}-${process.getuid?.() ?? 0}`);
  if (!(await isOurs(folder))) await unpackTo(folder, base, join(source, 'bin', 'swiftshader.tar.br'));
  return folder;
}

function packageFolder(): string {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new ContextError(`a software GPU needs x64 Linux, this is ${process.platform} ${process.arch}`);
  }
  const require = createRequire(import.meta.url);
  try {
    // The package exports only its entry point; the folder is found from there.
    const entry = require.resolve(PACKAGE);
    return entry.slice(0, entry.lastIndexOf(PACKAGE) + PACKAGE.length);
  } catch (cause) {
    throw new ContextError(`a software GPU needs ${PACKAGE}: npm install --save-dev ${PACKAGE}@147.0.0`, { cause });
  }
}

/** Refuses a folder that somebody else could have filled: libraries are loaded from it. */
async function isOurs(folder: string): Promise<boolean> {
  const stat = await lstat(folder).catch(() => undefined);
  if (stat === undefined) return false;
  if (stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0) return true;
  throw new ContextError(`${folder} is not a private directory of this user: remove it`);
}

async function unpackTo(folder: string, base: string, archive: string): Promise<void> {
  makeFolders(base);
  const work = await mkdtemp(join(base, 'directview-swiftshader-'));
  try {
    const files = readTar(await promisify(brotliDecompress)(await readFile(archive)));
    for (const name of WANTED) {
      const bytes = files.get(name);
      if (bytes === undefined)
        throw new ContextError(`${archive} does not contain ${name}: install ${PACKAGE}@147.0.0`);
      await writeFile(join(work, name), bytes);
    }
    await chmod(work, 0o700);
    // Two launchers may race: the second one then finds the folder of the first, with the same files.
    await rename(work, folder).catch(async (error: unknown) => {
      if (!(await isOurs(folder))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Reads the plain files of a tar: name (without folders) to bytes. */
export function readTar(tar: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const name = cstring(tar, at, 100);
    const size = Number.parseInt(cstring(tar, at + 124, 12), 8) || 0;
    files.set(name.slice(name.lastIndexOf('/') + 1), tar.subarray(at + BLOCK, at + BLOCK + size));
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function cstring(bytes: Buffer, at: number, length: number): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString('utf8', at, end === -1 ? at + length : Math.min(end, at + length)).trim();
}
