// Programs that a test system consists of: each ends with this process, however it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';

/** A program that runs until it is ended. */
export interface Daemon {
  readonly pid: number;
  /** Ends it with this signal, and waits for its end. */
  end(signal?: 'TERM' | 'KILL'): Promise<void>;
}

/** Starts a program in the background; `log` is the file of its output. */
export function startDaemon(argv: readonly string[], log: string, env: NodeJS.ProcessEnv = process.env): Daemon {
  // The shell ends the program when its input ends, which is when this process does.
  const script = '"$@" </dev/null & pid=$!; (read -r s || s=KILL; kill -"$s" $pid) ; wait $pid';
  const file = openSync(log, 'a');
  const child = spawn('sh', ['-c', script, 'daemon', ...argv], { env, stdio: ['pipe', file, file] });
  closeSync(file);
  for (const handle of [child, child.stdin]) (handle as { unref(): void }).unref();
  child.stdin?.on('error', () => {}); // it has ended by itself
  return { pid: child.pid as number, end: (signal = 'TERM') => end(child, signal) };
}

async function end(daemon: ChildProcess, signal: string): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const exit = once(daemon, 'exit');
  daemon.ref();
  daemon.stdin?.end(`${signal}\n`);
  await exit;
}
