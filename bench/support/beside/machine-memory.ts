// The memory of this machine, without any code of this package: copies into fresh memory, and one write that several
// processes read at once.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median } from '../stats.ts';

const PEER = fileURLToPath(new URL('./memory-peer.js', import.meta.url));
const COPIER = fileURLToPath(new URL('./fresh-copy.js', import.meta.url));
const execute = promisify(execFile);
const CHUNK = 2 * 1024 * 1024;
const SHARED = '/dev/shm';

/**
 * MB/s (10^6 bytes) of a copy of `bytes` into memory that was never used. The median of five. A process of its own, with the C
 * library's own settings: here freed memory would serve again, warm, and the figure be anything between the two.
 */
export async function freshCopy(bytes: number): Promise<number> {
  const settings = ['MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_', 'GLIBC_TUNABLES'];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !settings.includes(name)));
  const { stdout } = await execute(process.execPath, [COPIER, String(bytes), '5'], { env });
  return bytes / median(JSON.parse(stdout) as number[]) / 1000;
}

/** True if there is shared memory. */
export function hasSharedMemory(): boolean {
  return existsSync(SHARED);
}

/**
 * MB/s (10^6 bytes of the value, not of its copies): `bytes` are written to a file in shared memory, then `readers` processes
 * read it at once into memory that they have used before. The best of three passes over the same file.
 */
export async function writeOnceReadAll(bytes: number, readers: number): Promise<number> {
  const file = join(SHARED, `directview-bench-${process.pid}`);
  const data = Buffer.alloc(bytes, 1);
  const descriptor = openSync(file, 'wx', 0o600);
  const children = Array.from({ length: readers }, () =>
    spawn(process.execPath, [PEER, file, String(bytes)], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  const answers = () => Promise.all(children.map(({ stdout }) => once(stdout, 'data')));
  let best = Number.POSITIVE_INFINITY;
  try {
    await answers();
    for (let pass = 0; pass < 3; pass++) {
      const start = performance.now();
      for (let at = 0; at < bytes; at += CHUNK) writeSync(descriptor, data, at, Math.min(CHUNK, bytes - at), at);
      const read = answers();
      for (const { stdin } of children) stdin.write('\n');
      await read;
      best = Math.min(best, performance.now() - start);
    }
  } finally {
    closeSync(descriptor);
    rmSync(file, { force: true });
    await Promise.all(
      children.map(async (child) => {
        const gone = once(child, 'exit');
        child.stdin.end();
        await gone;
      }),
    );
  }
  return bytes / best / 1000;
}
