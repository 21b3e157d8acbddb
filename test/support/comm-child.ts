// Starts test/fixtures/comm-peer.ts in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PEER = fileURLToPath(new URL('../fixtures/comm-peer.js', import.meta.url));

/** A peer, and the address where it listens or connects. */
export interface Peer {
  readonly process: ChildProcess;
  readonly endpoint: string;
}

/** A running peer; `listen` and `worker` are bound when this resolves. */
export async function startPeer(mode: 'listen' | 'connect' | 'worker', endpoint: string): Promise<Peer> {
  const peer = spawn(process.execPath, [PEER, mode, endpoint], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (mode === 'connect') return { process: peer, endpoint };
  const [bound] = await once(peer.stdout as NodeJS.ReadableStream, 'data');
  return { process: peer, endpoint: String(bound) };
}

/** Ends a peer, unless it has ended; resolves with its exit code or signal. */
export async function stopPeer({ process: peer }: Peer): Promise<number | string | null> {
  if (peer.exitCode === null && peer.signalCode === null) {
    const gone = once(peer, 'exit');
    peer.stdin?.end();
    await gone;
  }
  return peer.exitCode ?? peer.signalCode;
}
