// Plain zeromq between processes, without any code of this package: the yardstick of a link's overhead.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Dealer } from 'zeromq';

const PEER = fileURLToPath(new URL('./raw-zeromq-peer.js', import.meta.url));
const PING_BYTES = 200;
const CHUNK_BYTES = 4 * 1024 * 1024;
const WARM_UP = 200;

/** Microseconds of each of `n` round trips of 200 bytes to `peers` other processes at once over ipc, one after the other. */
export function rawPing(n: number, peers = 1): Promise<number[]> {
  return withPeers(peers, async (sockets) => {
    const times: number[] = [];
    const message = Buffer.alloc(PING_BYTES, 1);
    const there = async (socket: Dealer) => {
      await socket.send(message);
      await socket.receive();
    };
    for (let i = 0; i < n + WARM_UP; i++) {
      const start = performance.now();
      await Promise.all(sockets.map(there));
      times.push(1000 * (performance.now() - start));
    }
    return times.slice(WARM_UP);
  });
}

/**
 * MB/s (10^6 bytes) one way over ipc: `bytes` to each of `engines` child processes, in messages of 4 MiB. The clock
 * stops when each has acknowledged the last one. The best of three passes.
 */
export function rawThroughput(bytes: number, engines: number): Promise<number> {
  return withPeers(engines, async (sockets) => {
    const data = Buffer.alloc(bytes, 1);
    let best = Number.POSITIVE_INFINITY;
    for (let pass = 0; pass < 3; pass++) {
      const start = performance.now();
      await Promise.all(sockets.map((socket) => pour(socket, data)));
      best = Math.min(best, performance.now() - start);
    }
    return (bytes * engines) / best / 1000;
  });
}

/**
 * MB/s (10^6 bytes) one way over ipc: `bytes` from each of `engines` child processes. They are copied into one new
 * buffer, as a gather has to. The best of three passes.
 */
export function rawGather(bytes: number, engines: number): Promise<number> {
  return withPeers(engines, async (sockets) => {
    let best = Number.POSITIVE_INFINITY;
    for (let pass = 0; pass < 3; pass++) {
      const start = performance.now();
      const kept = Buffer.allocUnsafeSlow(bytes * engines);
      await Promise.all(sockets.map((socket, i) => drain(socket, kept.subarray(i * bytes, (i + 1) * bytes))));
      best = Math.min(best, performance.now() - start);
    }
    return (bytes * engines) / best / 1000;
  });
}

async function drain(socket: Dealer, into: Buffer): Promise<void> {
  await socket.send(`give ${into.length}`);
  for (let at = 0; at < into.length; ) {
    const [frame] = await socket.receive();
    into.set(frame as Buffer, at);
    at += (frame as Buffer).length;
  }
}

async function pour(socket: Dealer, data: Buffer): Promise<void> {
  for (let at = 0; at < data.length; at += CHUNK_BYTES) await socket.send(data.subarray(at, at + CHUNK_BYTES));
  await socket.send('end');
  await socket.receive();
}

/** Starts `n` peers in a private directory, connects to each, and leaves nothing behind. */
async function withPeers<T>(n: number, run: (sockets: Dealer[]) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'dv-raw-'));
  const peers: ChildProcess[] = [];
  const sockets: Dealer[] = [];
  try {
    for (let i = 0; i < n; i++) {
      const endpoint = `ipc://${join(directory, String(i))}`;
      const peer = spawn(process.execPath, [PEER, endpoint], { stdio: ['pipe', 'pipe', 'inherit'] });
      peers.push(peer);
      await once(peer.stdout as NodeJS.ReadableStream, 'data');
      const socket = new Dealer({ linger: 0 });
      socket.connect(endpoint);
      sockets.push(socket);
    }
    return await run(sockets);
  } finally {
    for (const socket of sockets) socket.close();
    await Promise.all(peers.map(stop));
    await rm(directory, { recursive: true, force: true });
  }
}

async function stop(peer: ChildProcess): Promise<void> {
  if (peer.exitCode !== null || peer.signalCode !== null) return;
  const gone = once(peer, 'exit');
  peer.kill();
  await gone;
}
