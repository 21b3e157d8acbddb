import { hostname, networkInterfaces } from 'node:os';
import type { Endpoint } from './endpoint.ts';

/** Says why an address cannot be bound, and what to do. */
export function bindFault(endpoint: Endpoint, { code, message }: NodeJS.ErrnoException): string {
  const [low, high = low] = endpoint.ports;
  const which = low === high ? 'the port is' : `all ${(high as number) - (low as number) + 1} ports are`;
  if (code === 'EADDRINUSE')
    return `${which} in use, perhaps by another cluster: give a range of others, or no ports, so that the system chooses`;
  if (code === 'EADDRNOTAVAIL') return `${hostname()} does not have this address; it has ${ownAddresses()}`;
  if (code === 'EACCES') return `this user may not listen at ports below 1024 (${message})`;
  return message;
}

/** The addresses of this machine, each with its interface: `127.0.0.1 (lo), 10.0.0.5 (eth0)`. */
export function ownAddresses(): string {
  const all = Object.entries(networkInterfaces()).flatMap(([name, list = []]) =>
    list.map(({ address }) => `${address} (${name})`),
  );
  return all.length === 0 ? 'none' : all.join(', ');
}
