import { lstat } from 'node:fs/promises';
import { ConnectionError } from '../errors.ts';

/** The longest path of a Unix socket that every platform takes, in bytes. */
const MAX_PATH_BYTES = 107;

/** An address that may be bound and connected to. */
export type Endpoint =
  | { readonly kind: 'ipc'; readonly address: string; readonly path: string }
  | { readonly kind: 'tcp'; readonly address: string; readonly ipv6: boolean };

/** @throws ConnectionError for anything but an ipc path of at most 107 bytes or a loopback tcp address */
export function parseEndpoint(endpoint: string): Endpoint {
  if (endpoint.startsWith('ipc://')) return parseIpc(endpoint);
  if (endpoint.startsWith('tcp://')) return parseTcp(endpoint);
  throw new ConnectionError(`endpoint ${JSON.stringify(endpoint)} is neither ipc:// nor tcp://`);
}

function parseIpc(endpoint: string): Endpoint {
  const path = endpoint.slice('ipc://'.length);
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_PATH_BYTES)
    throw new ConnectionError(
      `ipc path of ${bytes} bytes is too long (at most ${MAX_PATH_BYTES}): ${path}; use a shorter directory`,
    );
  // An abstract name (@) has no permissions, and `*` lets libzmq choose a public place.
  if (!path.startsWith('/') || path.includes('\0'))
    throw new ConnectionError(`ipc endpoint ${JSON.stringify(endpoint)} wants an absolute path`);
  return { kind: 'ipc', address: endpoint, path };
}

function parseTcp(endpoint: string): Endpoint {
  const match = /^tcp:\/\/(\[[^\]]+\]|[^:[\]]+):(\d{1,5}|\*)$/.exec(endpoint);
  const port = match?.[2];
  if (match === null || port === undefined || (port !== '*' && Number(port) > 65535))
    throw new ConnectionError(`endpoint ${JSON.stringify(endpoint)} wants tcp://host:port`);
  const host = match[1] === 'localhost' ? '127.0.0.1' : (match[1] as string);
  if (!isLoopback(host))
    throw new ConnectionError(
      `${endpoint} reaches beyond this machine and encryption is not there yet: use tcp://127.0.0.1:* or ipc://`,
    );
  return { kind: 'tcp', address: `tcp://${host}:${port === '0' ? '*' : port}`, ipv6: host.startsWith('[') };
}

function isLoopback(host: string): boolean {
  return host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/**
 * libzmq removes whatever lies at the path it binds, even a live endpoint or a regular file.
 * @throws ConnectionError when something lies there
 */
export async function checkFree(path: string): Promise<void> {
  const found = await lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  if (found)
    throw new ConnectionError(`cannot bind ipc://${path}: something is in the way; remove it or use a new name`);
}
