// Processes under a limit of descriptors, and tasks that take all of them.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Descriptors that processes under the limit may have. */
export const LIMIT = 400;

/** Runs a module in a process under the limit; its input and output are pipes. */
export function limited(folder: string, code: string): ChildProcess {
  const path = join(folder, 'owner.mjs');
  writeFileSync(path, code);
  const command = ['-c', `ulimit -n ${LIMIT}; exec "$@"`, 'sh', process.execPath, path];
  return spawn('sh', command, { stdio: ['pipe', 'pipe', 'inherit'] });
}

/** On an engine: opens files until none can be opened. */
export const eat = (): string | undefined => {
  const { openSync } = process.getBuiltinModule('node:fs');
  const files = (Reflect.get(globalThis, 'files') as number[] | undefined) ?? [];
  Reflect.set(globalThis, 'files', files);
  try {
    for (;;) files.push(openSync('/dev/null', 'r'));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
};

/** On an engine: closes them. */
export const giveBack = (): void => {
  const { closeSync } = process.getBuiltinModule('node:fs');
  for (const one of (Reflect.get(globalThis, 'files') as number[]).splice(0)) closeSync(one);
};
