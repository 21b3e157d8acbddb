import { readFileSync } from 'node:fs';

/** Where a front end expects the kernel's sockets, and the key that signs messages. */
export interface JupyterConnection {
  readonly transport: 'tcp' | 'ipc';
  readonly ip: string;
  readonly ports: Readonly<Record<SocketName, number>>;
  /** Empty: messages are not signed. */
  readonly key: string;
}

/** The sockets of a kernel, by the names of the Jupyter protocol. */
export type SocketName = 'shell' | 'iopub' | 'stdin' | 'control' | 'hb';

const SOCKETS: readonly SocketName[] = ['shell', 'iopub', 'stdin', 'control', 'hb'];
const SCHEME = 'hmac-sha256';

/** Reads the file that Jupyter writes for a kernel. @throws Error that says what is wrong with it */
export function readConnection(path: string): JupyterConnection {
  const fields = parsed(path);
  const wrong = (what: string) => new Error(`${path} is not a connection file of Jupyter: ${what}`);
  const { transport = 'tcp', ip, key = '', signature_scheme: scheme = SCHEME } = fields;
  if (transport !== 'tcp' && transport !== 'ipc') throw wrong(`transport is ${String(transport)}`);
  if (typeof ip !== 'string') throw wrong('it has no ip');
  if (typeof key !== 'string') throw wrong('its key is no text');
  if (key !== '' && scheme !== SCHEME) throw wrong(`it signs by ${String(scheme)}; only ${SCHEME} is known`);
  return { transport, ip, key, ports: portsOf(fields, wrong) };
}

function parsed(path: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new Error(`the connection file ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function portsOf(
  fields: Readonly<Record<string, unknown>>,
  wrong: (what: string) => Error,
): JupyterConnection['ports'] {
  const entries = SOCKETS.map((name) => {
    const port = fields[`${name}_port`];
    if (!Number.isSafeInteger(port)) throw wrong(`it has no ${name}_port`);
    return [name, port as number] as const;
  });
  return Object.fromEntries(entries) as JupyterConnection['ports'];
}

/** The address of one socket. */
export function addressOf({ transport, ip, ports }: JupyterConnection, name: SocketName): string {
  return transport === 'ipc'
    ? `ipc://${ip}-${ports[name]}`
    : `tcp://${ip.includes(':') ? `[${ip}]` : ip}:${ports[name]}`;
}
