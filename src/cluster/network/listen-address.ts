import { isIP } from 'node:net';
import { ClusterError } from '../../errors.ts';
import { isPlainObject, shown } from '../../util/checks.ts';
import { addressOfInterface } from './interfaces.ts';

/** The network address of a cluster: `address`, or `interface` in its place. */
export interface ListenOptions {
  /** `tcp://` and one IP address of this machine: `tcp://127.0.0.1`, `tcp://10.0.0.5`, `tcp://[fd00::5]`. */
  readonly address?: string | undefined;
  /** A network interface of this machine, and of the others where engines run: `eth0`. */
  readonly interface?: string | undefined;
  /**
   * The first and the last port that may be used; default: any free ones. Each engine takes three ports of its machine, the
   * controller two.
   */
  readonly ports?: readonly [number, number] | undefined;
}

/** Where the sockets of a cluster are: `unix` in its private directory, or tcp addresses as `bind` takes them. */
export type ListenScheme = 'unix' | `tcp://${string}:${string}`;

const ADDRESS = /^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[^:/[\]]+)$/;
const MAX_PORT = 65535;

/** @throws TypeError for anything but the address of one machine; ClusterError for an interface without one */
export function listenScheme(listen: string | ListenOptions): ListenScheme {
  const { address, interface: name, ports } = typeof listen === 'string' ? ({ address: listen } as const) : listen;
  const host = name === undefined ? hostOf(address ?? '') : inUrl(addressOfInterface(name));
  return `tcp://${host}:${ports === undefined ? '*' : ports.join('-')}`;
}

/** An IP address as URLs have it. */
export function inUrl(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function hostOf(address: string): string {
  const named = ADDRESS.exec(address)?.[1];
  const host = named === 'localhost' ? '127.0.0.1' : named;
  const bare = host?.replace(/^\[|\]$/g, '') ?? '';
  if (host === undefined || isIP(bare) === 0)
    throw new TypeError(
      `listen wants tcp:// and an IP address of this machine, as 'tcp://10.0.0.5', not ${shown(address)}`,
    );
  if (bare === '0.0.0.0' || bare === '::')
    throw new TypeError(`listen: ${address} means every network of this machine: say the one address that clients use`);
  return host;
}

/** Checks the kinds in `listen`. @throws TypeError, RangeError */
export function checkListen(value: unknown, name: string, where: string): void {
  if (typeof value === 'string') return void listenScheme(value);
  const wanted = `${where}: ${name} is 'tcp://10.0.0.5', or { address: 'tcp://10.0.0.5', ports: [7000, 7100] }, or { interface: 'eth0' }`;
  if (!isPlainObject(value)) throw new TypeError(`${wanted}, not ${shown(value)}`);
  const { address, interface: device, ports, ...rest } = value as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new TypeError(`${wanted}: unknown option '${unknown}'`);
  checkPorts(ports, wanted);
  if (device === undefined) {
    if (typeof address !== 'string') throw new TypeError(`${wanted}: address is ${shown(address)}`);
    listenScheme(address);
  } else if (typeof device !== 'string' || device === '')
    throw new TypeError(`${wanted}: interface is ${shown(device)}`);
  else if (address !== undefined) throw new TypeError(`${wanted}: address and interface: leave one of the two out`);
}

function checkPorts(ports: unknown, wanted: string): void {
  if (ports === undefined) return;
  if (!Array.isArray(ports) || ports.length !== 2 || !ports.every((port) => typeof port === 'number'))
    throw new TypeError(`${wanted}: ports is ${shown(ports)}`);
  const [low, high] = ports as [number, number];
  if (![low, high].every(Number.isInteger) || low < 1 || low > high || high > MAX_PORT)
    throw new RangeError(`${wanted}: ports are whole numbers from 1 to ${MAX_PORT}, the lower one first`);
}

const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])$/;

/**
 * The older option `transport`, which stays on this machine. `ipc` is what users of ipyparallel call Unix sockets.
 * @throws TypeError for another scheme; ClusterError for an address beyond loopback
 */
export function transportScheme(transport: string): ListenScheme {
  if (transport === 'unix' || transport === 'ipc') return 'unix';
  const host =
    transport === 'tcp' || transport === 'zeromq' ? '127.0.0.1' : /^tcp:\/\/([^:/]+|\[[^\]]+\])$/.exec(transport)?.[1];
  if (host === undefined)
    throw new TypeError(
      `transport is 'ipc', 'tcp', 'unix', 'zeromq' or 'tcp://<loopback address>', not '${transport}'`,
    );
  if (LOOPBACK.test(host)) return listenScheme(`tcp://${host}`);
  throw new ClusterError(
    `refused to listen on ${transport}: transport stays on this machine. For other machines, listen: '${transport}' ` +
      "opens one address of this one, to holders of the cluster's keys alone",
  );
}
