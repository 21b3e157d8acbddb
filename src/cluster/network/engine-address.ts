import { hostname } from 'node:os';
import { cannotReach, reach } from '../../comm/zeromq/reach.ts';
import { ClusterError } from '../../errors.ts';
import { list, type ObjectOf, object, optional, type Reader, text, whole } from '../../protocol/fields.ts';
import { addressOfInterface } from './interfaces.ts';
import { inUrl } from './listen-address.ts';

/** Milliseconds in which the controller's machine must accept a connection. */
const REACH_MS = 10_000;

const fields = {
  /** The network interface of its machine; default: the one on the way to the controller. */
  interface: optional(text),
  /** The first and the last port; default: any free ones. */
  ports: optional(list(whole)),
};

/** Where engines on other machines than the controller's listen. */
export interface EngineNetwork extends ObjectOf<typeof fields> {}

/** Reads an EngineNetwork from parsed JSON. @throws ProtocolError */
export const engineNetwork: Reader<EngineNetwork> = object(fields);

/**
 * The address, as `bind` takes it, at which engines of this machine listen: that of the connection to the controller's `registry`, because
 * the controller's side can answer there.
 * @throws ClusterError naming both addresses, when the registry cannot be reached from here, or for the interface
 */
export async function engineAddress(registry: string, network: EngineNetwork = {}): Promise<string> {
  const found = await reach(registry, REACH_MS);
  if (found.state !== 'open' || found.from === undefined)
    throw new ClusterError(`${hostname()} ${cannotReach(registry, found)}: no engine of this machine can join`);
  const address = network.interface === undefined ? found.from : addressOfInterface(network.interface);
  return `tcp://${inUrl(address)}:${network.ports?.join('-') ?? '*'}`;
}
