import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import process from 'node:process';

/** Signals that end this process, and the one that does the work with it. */
const ENDING = ['SIGTERM', 'SIGHUP'] as const;

/**
 * Runs this command again with options of Node that it was not started with, in this terminal; undefined where it has them.
 * @returns the exit code
 */
export async function withNodeOptions(options: readonly string[]): Promise<number | undefined> {
  if (options.every((option) => process.execArgv.includes(option))) return undefined;
  const args = [...process.execArgv, ...options, ...process.argv.slice(1)];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  // The terminal sends Ctrl-C to both.
  process.on('SIGINT', () => {});
  for (const signal of ENDING) process.on(signal, () => child.kill(signal));
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
}
