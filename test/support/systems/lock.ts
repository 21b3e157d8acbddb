import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** An abstract name: the system frees it with its process, however that ends. */
const NAME = '\0directview-system-tests';

/**
 * Waits until no other test of systems (Slurm, SSH, several hosts) runs on this machine: two at once would miss their time
 * limits. Call the result at the end; it also ends with this process.
 */
export async function systemLock(): Promise<() => Promise<void>> {
  for (;;) {
    const release = await tryLock();
    if (release !== undefined) return release;
    await ended();
  }
}

/** Undefined where another process has the lock. */
async function tryLock(): Promise<(() => Promise<void>) | undefined> {
  const server = createServer((socket) => socket.on('error', () => {}).unref());
  const waiting = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => waiting.add(socket));
  server.listen(NAME);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return () =>
    new Promise((resolve) => {
      server.ref();
      server.close(() => resolve());
      for (const socket of waiting) socket.destroy();
    });
}

/** Resolves when the owner of the lock has ended it: it never speaks, so the connection lasts as long. */
function ended(): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(NAME);
    socket.on('error', () => {}).on('close', () => resolve());
    socket.resume();
  });
}
