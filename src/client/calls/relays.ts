import type { Body } from '../../protocol/codec.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { byMachine } from '../../protocol/relay-chunks.ts';
import type { Relayed } from '../links/connection.ts';
import type { CallOptions } from '../options.ts';

/** The two ways of a large body to several engines. */
export type Via = NonNullable<CallOptions['via']>;

/** A body of more parts holds many values, not one large one: it goes directly. */
const MAX_PARTS = 256;
/** Below, a body is cheaper to send than to pass on. */
const MIN_BYTES = 64 * 1024;

/**
 * For each target how its task gets the body, or undefined where all of them get it from this client: fewer than three
 * engines, a small body, or an engine twice. Engines that are gone are left out of the chain. Those of one machine, which
 * `machineOf` names, stand together in it: they get the body from the one that it reaches first.
 */
export function relays(
  ids: readonly EngineId[],
  isThere: (id: EngineId) => boolean,
  body: Body,
  via: Via = 'direct',
  machineOf: (id: EngineId) => string | undefined = () => undefined,
): readonly (Relayed | undefined)[] | undefined {
  if (via === 'direct' || body.length > MAX_PARTS || bytesOf(body) < MIN_BYTES) return undefined;
  const hosts = byMachine(ids.filter(isThere), machineOf);
  const chain = hosts.flat();
  if (chain.length < 3 || new Set(chain).size < chain.length) return undefined;
  const ways = new Map<EngineId, Relayed>();
  for (const [index, [first, ...others]] of hosts.entries()) {
    const before = hosts[index - 1]?.[0];
    ways.set(first, before === undefined ? { chain: chain.slice(1) } : { from: before });
    for (const id of others) ways.set(id, { from: first });
  }
  return ids.map((id) => ways.get(id));
}

function bytesOf(body: Body): number {
  return body.reduce((sum, part) => sum + part.byteLength, 0);
}
