import { connect, type NetConnectOpts } from 'node:net';
import { parseEndpoint, parsePath } from './endpoint.ts';

/** Milliseconds after which an address that says nothing counts as one that may answer later. */
const LIMIT_MS = 1000;
const NOBODY: ReadonlySet<string | undefined> = new Set(['ECONNREFUSED', 'ENOENT']);

/**
 * True if nobody listens at this endpoint for certain: the system refuses the connection. A process that is stopped, or a
 * host that cannot be reached, refuses nothing.
 * @throws ConnectionError for an endpoint that nobody may connect to
 */
export function refuses(endpoint: string): Promise<boolean> {
  const socket = connect(addressOf(endpoint));
  return new Promise((resolve) => {
    const settle = (refused: boolean) => {
      socket.destroy();
      resolve(refused);
    };
    socket.setTimeout(LIMIT_MS, () => settle(false));
    socket.on('connect', () => settle(false));
    socket.on('error', ({ code }: NodeJS.ErrnoException) => settle(NOBODY.has(code)));
  });
}

function addressOf(endpoint: string): NetConnectOpts {
  if (endpoint.startsWith('unix://')) return { path: parsePath(endpoint) };
  const where = parseEndpoint(endpoint);
  if (where.kind === 'ipc') return { path: where.path };
  const { hostname, port } = new URL(where.address);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}
