// Starts test/fixtures/comm-peer.ts in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PEER = fileURLToPath(new URL('../fixtures/comm-peer.js', import.meta.url));

/** A running peer; `listen` and `worker` are bound when this resolves. */
export async function startPeer(mode: 'listen' | 'connect' | 'worker', endpoint: string): Promise<ChildProcess> {
  const peer = spawn(process.execPath, [PEER, mode, endpoint], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (mode !== 'connect') await once(peer.stdout as NodeJS.ReadableStream, 'data');
  return peer;
}

/** Ends a peer, unless it has ended; resolves with its exit code or signal. */
export async function stopPeer(peer: ChildProcess): Promise<number | string | null> {
  if (peer.exitCode === null && peer.signalCode === null) {
    const gone = once(peer, 'exit');
    peer.stdin?.end();
    await gone;
  }
  return peer.exitCode ?? peer.signalCode;
}
