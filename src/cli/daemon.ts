// Runs a command in the background, and returns when it reports that it is ready.
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawned } from '../cluster/launchers/process/spawned.ts';
import { ClusterError } from '../errors.ts';

/** The message that a daemon sends to its parent when it is ready. */
export interface DaemonMessage {
  /** Text to print. */
  readonly ready: string;
}

/**
 * Starts this program with other arguments, detached from the terminal. Resolves with the text of its ready message.
 * @throws ClusterError with the daemon's output, when it ends before
 */
export async function daemonize(args: readonly string[]): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'directview-log-'));
  const log = openSync(join(dir, 'log'), 'w', 0o600);
  try {
    const stdio: StdioOptions = ['ignore', log, log, 'ipc'];
    const child = spawned(spawn(process.execPath, args, { detached: true, stdio }), 'the daemon');
    return await ready(child, () => readFileSync(join(dir, 'log'), 'utf8').trim());
  } finally {
    closeSync(log);
    // The daemon's own descriptor stays valid, and nobody would read the log any more.
    rmSync(dir, { recursive: true, force: true });
  }
}

function ready(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () =>
      reject(new ClusterError(`the daemon did not start: ${log().replace(/^directview: /, '')}`)),
    );
    child.once('message', (message: DaemonMessage) => {
      child.removeAllListeners('exit');
      child.unref();
      child.disconnect();
      resolve(message.ready);
    });
  });
}
