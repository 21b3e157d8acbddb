import { type Command, InvalidArgumentError } from 'commander';
import type { EngineNetwork } from '../../../cluster/network/engine-address.ts';
import type { ListenOptions } from '../../../cluster/network/listen-address.ts';

/** Where the engines of this machine listen, as the user gave it. */
export interface NetworkFlags {
  readonly interface?: string | undefined;
  readonly portRange?: readonly [number, number] | undefined;
}

/** Where a cluster listens, as the user gave it. */
export interface ListenFlags extends NetworkFlags {
  readonly listen?: string | undefined;
}

/** Adds `--listen`, `--interface` and `--port-range`. */
export function addListenOptions(command: Command): void {
  command.option(
    '--listen <address>',
    'listen at this address of the machine, as tcp://10.0.0.5, for holders of its keys',
  );
  addNetworkOptions(command, 'listen at the address of this network interface, as eth0, in place of --listen');
  command.hook('preAction', (self) => {
    const { listen, interface: device, portRange } = self.opts<ListenFlags>();
    if (listen !== undefined && device !== undefined)
      self.error('error: --listen or --interface: leave one of the two out');
    if (portRange !== undefined && listen === undefined && device === undefined)
      self.error('error: --port-range wants --listen or --interface beside it');
  });
}

/** Adds `--interface` and `--port-range`. */
export function addNetworkOptions(command: Command, interfaceHelp: string): void {
  command.option('--interface <name>', interfaceHelp);
  command.option('--port-range <low-high>', 'the ports that may be used, as 7000-7100 (default: any free ones)', ports);
}

/** @throws InvalidArgumentError */
function ports(text: string): readonly [number, number] {
  const [low, high] = /^(\d{1,5})-(\d{1,5})$/.exec(text)?.slice(1).map(Number) ?? [];
  if (low !== undefined && high !== undefined && low >= 1 && low <= high && high <= 65_535) return [low, high];
  throw new InvalidArgumentError('It must be two ports, the lower one first: 7000-7100.');
}

/** The option `listen` of `Cluster.start`. */
export function listenOption({
  listen,
  interface: device,
  portRange,
}: ListenFlags): string | ListenOptions | undefined {
  if (listen === undefined && device === undefined) return undefined;
  if (device === undefined && portRange === undefined) return listen;
  return { address: listen, interface: device, ports: portRange };
}

/** Where a guest engine listens; undefined: as its cluster was told. */
export function networkOption({ interface: device, portRange }: NetworkFlags): EngineNetwork | undefined {
  if (device === undefined && portRange === undefined) return undefined;
  return { ...(device !== undefined && { interface: device }), ...(portRange !== undefined && { ports: portRange }) };
}
