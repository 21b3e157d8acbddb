import { randomInt } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { ConnectionError } from '../../errors.ts';

/** The longest path of a Unix socket that every platform takes, in bytes. */
const MAX_PATH_BYTES = 107;

/** An address of tcp that may be bound and connected to. */
export interface Endpoint {
  readonly address: string;
  /** A literal IPv4 address, or an IPv6 one in brackets. */
  readonly host: string;
  /** None, one port, or both ends of a range. */
  readonly ports: readonly number[];
  readonly ipv6: boolean;
}

/**
 * Zeromq's own sockets in files (`ipc://`) are refused: their listener ends the process that has no descriptor left.
 * @throws ConnectionError for anything but tcp with one IP address
 */
export function parseEndpoint(endpoint: string): Endpoint {
  if (endpoint.startsWith('tcp://')) return parseTcp(endpoint);
  throw new ConnectionError(`endpoint ${JSON.stringify(endpoint)} is neither unix:// nor tcp://`);
}

/** The path of a `unix://` endpoint. @throws ConnectionError for one that no socket can have */
export function parsePath(endpoint: string): string {
  const path = endpoint.replace(/^unix:\/\//, '');
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_PATH_BYTES)
    throw new ConnectionError(
      `socket path of ${bytes} bytes is too long (at most ${MAX_PATH_BYTES}): ${path}; use a shorter directory`,
    );
  // An abstract name (@) has no permissions.
  if (!path.startsWith('/') || path.includes('\0'))
    throw new ConnectionError(`endpoint ${JSON.stringify(endpoint)} wants an absolute path`);
  return path;
}

const TCP = /^tcp:\/\/(\[[^\]]+\]|[^:[\]]+):(\*|\d{1,5}(?:-\d{1,5})?)$/;

function parseTcp(endpoint: string): Endpoint {
  const match = TCP.exec(endpoint);
  const ports = portsOf(match?.[2]);
  if (match === null || ports === undefined)
    throw new ConnectionError(`endpoint ${JSON.stringify(endpoint)} wants tcp://host:port`);
  const host = match[1] === 'localhost' ? '127.0.0.1' : (match[1] as string);
  checkHost(host, endpoint);
  const port = match[2] === '0' ? '*' : match[2];
  return { address: `tcp://${host}:${port}`, host, ports, ipv6: host.startsWith('[') };
}

/** Both ends of the range; none for a port that the system chooses. */
function portsOf(text: string | undefined): readonly number[] | undefined {
  if (text === undefined) return undefined;
  const ends = text === '*' ? [] : text.split('-').map(Number);
  return ends.every((port) => port <= 65535) && (ends[0] ?? 0) <= (ends[1] ?? 65535) ? ends : undefined;
}

/** Names are not resolved: what they mean may change, and another machine may answer to them. */
function checkHost(host: string, endpoint: string): void {
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare) === 0)
    throw new ConnectionError(`endpoint ${JSON.stringify(endpoint)} wants an IP address: ${host} is none`);
  if (bare === '0.0.0.0' || bare === '::')
    throw new ConnectionError(`endpoint ${JSON.stringify(endpoint)} means every network: say one address`);
}

/** Does this host mean this machine alone? */
export function isLoopback(host: string): boolean {
  return host === '[::1]' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** The addresses to try for a listener, in turn: each port of the range, from a random one on. */
export function addressesOf(endpoint: Endpoint): string[] {
  if (endpoint.ports.length < 2) return [endpoint.address];
  const [low, high] = endpoint.ports as [number, number];
  const count = high - low + 1;
  const from = randomInt(count);
  return Array.from({ length: count }, (_, i) => `tcp://${endpoint.host}:${low + ((from + i) % count)}`);
}

/** @throws ConnectionError when something lies where a Unix socket wants to listen */
export async function checkFree(path: string): Promise<void> {
  const found = await lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
  if (found)
    throw new ConnectionError(`cannot bind unix://${path}: something is in the way; remove it or use a new name`);
}
