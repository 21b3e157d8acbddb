// A software Vulkan driver (SwiftShader) for engines started with `softwareGpu`: unpacked once from the npm package
// @sparticuz/chromium, which ships it as a brotli-compressed tar. The environment returned must be set before the engine's
// process starts: the Vulkan loader reads it at load time.
import { chmod, lstat, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { ContextError } from '../../errors.ts';

const PACKAGE = '@sparticuz/chromium';
const WANTED = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json'];
const BLOCK = 512;

/**
 * The variables that make Vulkan find SwiftShader. Unpacks it (15 MB, a second) into a folder of this user's own, once.
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
    // The package exports its entry point only, so its folder is found from there.
    const entry = require.resolve(PACKAGE);
    return entry.slice(0, entry.lastIndexOf(PACKAGE) + PACKAGE.length);
  } catch (cause) {
    throw new ContextError(`a software GPU needs ${PACKAGE}: npm install --save-dev ${PACKAGE}@147.0.0`, { cause });
  }
}

/** A folder that anybody else could have filled must not be loaded from. */
async function isOurs(folder: string): Promise<boolean> {
  const stat = await lstat(folder).catch(() => undefined);
  if (stat === undefined) return false;
  if (stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0) return true;
  throw new ContextError(`${folder} is not a private directory of this user: remove it`);
}

async function unpackTo(folder: string, base: string, archive: string): Promise<void> {
  await mkdir(base, { recursive: true });
  const work = await mkdtemp(join(base, 'directview-swiftshader-'));
  try {
    const files = readTar(await promisify(brotliDecompress)(await readFile(archive)));
    for (const name of WANTED) {
      const bytes = files.get(name);
      if (bytes === undefined) throw new ContextError(`${archive} holds no ${name}: install ${PACKAGE}@147.0.0`);
      await writeFile(join(work, name), bytes);
    }
    await chmod(work, 0o700);
    // Two launchers may race: the loser finds the winner's folder in its place, with the same files.
    await rename(work, folder).catch(async (error: unknown) => {
      if (!(await isOurs(folder))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Name (without folders) to bytes, of the plain files of a tar. */
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
