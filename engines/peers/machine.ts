import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import process from 'node:process';
import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';

/** The fields of an engine that tell whether it is near. */
export type Reachable = Pick<EngineRecord, 'peers' | 'machine' | 'near'>;

const FILE = /^unix:\/\//;

/**
 * Names the running system and its network, so that hosts made of network namespaces count as several. Undefined where the
 * system does not tell.
 */
export function machineName(): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/net')}`;
  } catch {
    return undefined;
  }
}

/**
 * The endpoint at which an engine of this machine is reached without a network; undefined for one of another machine, and for
 * one whose files are not seen from here, such as one in a container.
 */
export function nearEndpoint({ machine, peers, near }: Reachable, own: string | undefined): string | undefined {
  if (machine === undefined || machine !== own) return undefined;
  const endpoint = FILE.test(peers) ? peers : near;
  return endpoint !== undefined && isOwnSocket(endpoint.replace(FILE, '')) ? endpoint : undefined;
}

/**
 * Why an engine of another machine cannot be reached from here: its Unix socket is not forwarded, and never will be. Undefined for
 * one that can, or that has another kind of address.
 */
export function missingForward({ machine, peers }: Reachable, own: string | undefined): string | undefined {
  if (!FILE.test(peers) || machine === own || existsSync(peers.replace(FILE, ''))) return undefined;
  return (
    'its socket is not forwarded to this host. Engines that ssh starts later exchange values with those of other hosts by way of ' +
    "the client alone; listen: 'tcp://…' beside the launcher lets all of them speak directly"
  );
}

function isOwnSocket(path: string): boolean {
  try {
    const found = lstatSync(path);
    return found.isSocket() && found.uid === process.getuid?.();
  } catch {
    return false;
  }
}
