import type { Body } from '../../protocol/codec.ts';
import type { EngineId } from '../../protocol/messages.ts';
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
 * engines, a small body, or an engine twice. Engines that are gone are left out of the chain.
 */
export function relays(
  ids: readonly EngineId[],
  isThere: (id: EngineId) => boolean,
  body: Body,
  via: Via = 'direct',
): readonly (Relayed | undefined)[] | undefined {
  if (via === 'direct' || body.length > MAX_PARTS || bytesOf(body) < MIN_BYTES) return undefined;
  const chain = ids.filter(isThere);
  if (chain.length < 3 || new Set(chain).size < chain.length) return undefined;
  return ids.map((id) => {
    const place = chain.indexOf(id);
    if (place < 0) return undefined;
    return place === 0 ? { chain: chain.slice(1) } : { from: chain[place - 1] as EngineId };
  });
}

function bytesOf(body: Body): number {
  return body.reduce((sum, part) => sum + part.byteLength, 0);
}
