import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';

/** Counts the NVIDIA cards that have a device node. */
export function countGpus(dev = '/dev'): number {
  try {
    return readdirSync(dev).filter((name) => /^nvidia\d+$/.test(name)).length;
  } catch {
    return 0;
  }
}

const LOOK_MS = 10_000;

/** The UUIDs of the NVIDIA cards that this process may use, in the order of their numbers; empty where nvidia-smi tells none. */
export function cardUuids(): Promise<readonly string[]> {
  return new Promise((resolve) => {
    execFile('nvidia-smi', ['-L'], { timeout: LOOK_MS }, (error, text) => resolve(error ? [] : readUuids(text)));
  });
}

/** Reads what `nvidia-smi -L` prints: the parts of a card stand below it, and are not cards. */
export function readUuids(text: string): string[] {
  return text.split('\n').flatMap((line) => /^GPU \d+: .*\(UUID: (GPU-[\w-]+)\)/.exec(line)?.[1] ?? []);
}
