import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ProgramFailed, programOutput } from '../../src/util/system/program-output.ts';

const PLACES = ['/usr/bin/nvidia-smi', '/usr/local/nvidia/bin/nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'];

/** The program: by PATH, else where drivers and containers put it. */
export function smiProgram(): string {
  const inPath = (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, 'nvidia-smi')));
  return (inPath ? undefined : PLACES.find((path) => existsSync(path))) ?? 'nvidia-smi';
}

/** The text that nvidia-smi prints for these arguments. @throws ProgramFailed in its own words, or those of the system */
export async function askNvidiaSmi(args: readonly string[], timeoutMs: number): Promise<string> {
  try {
    return await programOutput(smiProgram(), args, timeoutMs);
  } catch (error) {
    throw new ProgramFailed(`nvidia-smi: ${(error as Error).message}`);
  }
}
