import { connect, type NetConnectOpts } from 'node:net';
import { nextTick } from 'node:process';
import { parseEndpoint, parsePath } from './endpoint.ts';

/** Milliseconds after which an address that says nothing counts as one that may answer later. */
const LIMIT_MS = 1000;
const NOBODY: ReadonlySet<string | undefined> = new Set(['ECONNREFUSED', 'ENOENT']);
/** The network's own words for an address that packets do not reach. */
const NO_WAY: Readonly<Record<string, string>> = {
  EHOSTUNREACH: 'no such host answers',
  ENETUNREACH: 'this machine has no way there',
  EHOSTDOWN: 'the host is down',
  ETIMEDOUT: 'timed out',
};

/** The system's answer: can a connection to the endpoint be made? */
export interface Reach {
  /** `refused`: nobody listens there. `unreachable`: packets do not arrive, or no answer to them. `unknown`: this side failed. */
  readonly state: 'open' | 'refused' | 'unreachable' | 'unknown';
  /** The address of this machine on the way there, where it is known. */
  readonly from: string | undefined;
  /** Says why it cannot be reached. */
  readonly why: string;
}

/** Tries a connection, and ends it. @throws ConnectionError for an endpoint that nobody may connect to */
export function reach(endpoint: string, limit = LIMIT_MS): Promise<Reach> {
  const socket = connect(addressOf(endpoint));
  // Chosen when the connection is begun, one tick from now, and forgotten when it fails.
  let from: string | undefined;
  nextTick(() => {
    from = socket.localAddress;
  });
  return new Promise((resolve) => {
    const settle = (state: Reach['state'], why: string) => {
      from ??= socket.localAddress;
      socket.destroy();
      resolve({ state, from, why });
    };
    socket.setTimeout(limit, () => settle('unreachable', `timed out after ${limit} ms`));
    socket.on('connect', () => settle('open', ''));
    socket.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (NOBODY.has(code)) settle('refused', 'nobody listens there');
      else if (code !== undefined && code in NO_WAY) settle('unreachable', NO_WAY[code] as string);
      else settle('unknown', message);
    });
  });
}

/** Completes the sentence "engine 3 …". */
export function cannotReach(endpoint: string, { from, why }: Reach): string {
  return `cannot reach ${endpoint}${from === undefined ? '' : ` from ${from}`} (${why})`;
}

/**
 * True if nobody listens at this endpoint for certain: the system refuses the connection. A process that is stopped, or a
 * host that cannot be reached, refuses nothing.
 * @throws ConnectionError for an endpoint that nobody may connect to
 */
export async function refuses(endpoint: string): Promise<boolean> {
  return (await reach(endpoint)).state === 'refused';
}

function addressOf(endpoint: string): NetConnectOpts {
  if (endpoint.startsWith('unix://')) return { path: parsePath(endpoint) };
  const { hostname, port } = new URL(parseEndpoint(endpoint).address);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}
