// Runs a command in the background: returns when it says that it is ready.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterError } from '../errors.ts';

export interface DaemonMessage {
  /** What to print. */
  readonly ready: string;
}

/**
 * Starts this program with other arguments, detached from the terminal, and resolves with what it says when it is ready.
 * @throws ClusterError with what it wrote, when it ends instead
 */
export async function daemonize(args: readonly string[]): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'directview-log-'));
  const log = openSync(join(dir, 'log'), 'w', 0o600);
  try {
    const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log, 'ipc'] });
    return await ready(child, () => readFileSync(join(dir, 'log'), 'utf8').trim());
  } finally {
    closeSync(log);
    // the daemon's descriptor stays valid; from here on nobody would read the log
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
