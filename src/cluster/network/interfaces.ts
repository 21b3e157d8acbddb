import { hostname, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { ownAddresses } from '../../comm/zeromq/bind-fault.ts';
import { ClusterError } from '../../errors.ts';

/** Link-local addresses need a zone beside them, and reach no further than one wire. */
const LINK_LOCAL = /^fe80:/i;

/**
 * The address of that network interface: its first IPv4 address, else its first IPv6 address that is not link-local.
 * @throws ClusterError naming the interfaces that this machine has
 */
export function addressOfInterface(name: string): string {
  const all: readonly NetworkInterfaceInfo[] = networkInterfaces()[name] ?? [];
  const usable = all.filter(({ address }) => !LINK_LOCAL.test(address));
  const found = usable.find(({ family }) => family === 'IPv4') ?? usable[0];
  if (found !== undefined) return found.address;
  throw new ClusterError(`${hostname()} has no network interface '${name}' with an address; it has ${ownAddresses()}`);
}

/** The first address of this machine that others may reach; loopback where there is none. */
export function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
