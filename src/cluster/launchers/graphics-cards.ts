import { readdirSync } from 'node:fs';
import { programOutput } from '../../util/system/program-output.ts';

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
  return programOutput('nvidia-smi', ['-L'], LOOK_MS).then(readUuids, () => []);
}

/** Reads what `nvidia-smi -L` prints: the parts of a card stand below it, and are not cards. */
export function readUuids(text: string): string[] {
  return text.split('\n').flatMap((line) => /^GPU \d+: .*\(UUID: (GPU-[\w-]+)\)/.exec(line)?.[1] ?? []);
}
