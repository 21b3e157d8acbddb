// Plain Unix sockets of node:net between processes, without any code of this package: what the system's round trip costs.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PEER = fileURLToPath(new URL('./raw-unix-peer.js', import.meta.url));
const PING_BYTES = 200;
const WARM_UP = 200;

/** Microseconds of each of `n` round trips of 200 bytes to `peers` other processes at once, one after the other. */
export async function unixPing(n: number, peers: number): Promise<number[]> {
  const folder = await mkdtemp(join(tmpdir(), 'dv-raw-unix-'));
  const children: ChildProcess[] = [];
  const sockets: Socket[] = [];
  try {
    for (let i = 0; i < peers; i++) {
      const path = join(folder, String(i));
      const child = spawn(process.execPath, [PEER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
      children.push(child);
      await once(child.stdout as NodeJS.ReadableStream, 'data');
      const socket = connect(path);
      await once(socket, 'connect');
      sockets.push(socket);
    }
    return await pings(n, sockets);
  } finally {
    for (const socket of sockets) socket.destroy();
    await Promise.all(children.map(ended));
    await rm(folder, { recursive: true, force: true });
  }
}

async function pings(n: number, sockets: readonly Socket[]): Promise<number[]> {
  const message = Buffer.alloc(PING_BYTES, 1);
  let missing = 0;
  let arrived = (): void => {};
  for (const socket of sockets)
    socket.on('data', (bytes: Buffer) => {
      missing -= bytes.length;
      if (missing === 0) arrived();
    });
  const times: number[] = [];
  for (let i = 0; i < n + WARM_UP; i++) {
    const start = performance.now();
    missing = PING_BYTES * sockets.length;
    const back = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    for (const socket of sockets) socket.write(message);
    await back;
    times.push(1000 * (performance.now() - start));
  }
  return times.slice(WARM_UP);
}

async function ended(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.stdin?.end();
  await gone;
}
