import type { Server, Socket } from 'node:net';

let open = 0;

/** Counts a socket or server until it has closed. */
export function counted<T extends Socket | Server>(handle: T): T {
  open++;
  handle.once('close', () => {
    open--;
  });
  return handle;
}

/** The sockets and servers of this thread's links, which keep its event loop alive. */
export function openHandles(): number {
  return open;
}
