// A body in chunks, and the order in which engines pass it on.
import type { Body } from './codec.ts';
import type { EngineId, RelayMessage } from './messages.ts';

/**
 * Bytes of a chunk: small enough that several links carry the same body at the same time, and so large that engines of one machine
 * read it in each other's memory.
 */
export const RELAY_BYTES: number = 2 ** 21;

/** One chunk of a body, with the header that it travels under. */
export interface RelayChunk {
  readonly message: RelayMessage;
  /** A window on the body. */
  readonly chunk: Uint8Array;
}

/** Every byte of the body once, at most `most` in a chunk; `chain`: who gets them after the first receiver. */
export function* relayChunks(
  key: string,
  chain: readonly EngineId[],
  body: Body,
  most = RELAY_BYTES,
): Generator<RelayChunk> {
  const sizes = body.map((part) => part.byteLength);
  for (const [part, bytes] of body.entries()) {
    for (let offset = 0; offset < bytes.byteLength; offset += most) {
      const message = { type: 'relay', key, chain, sizes, part, offset } as const;
      yield { message, chunk: bytes.subarray(offset, offset + most) };
    }
  }
}

/** Engines of one machine, at least one. */
export type Mates = readonly [EngineId, ...EngineId[]];

/** The engines of each machine together, in the order of their first ones; one whose machine is not known stands alone. */
export function byMachine(ids: readonly EngineId[], machineOf: (id: EngineId) => string | undefined): readonly Mates[] {
  const hosts = new Map<string | EngineId, [EngineId, ...EngineId[]]>();
  for (const id of ids) {
    const machine = machineOf(id) ?? id;
    const mates = hosts.get(machine);
    if (mates === undefined) hosts.set(machine, [id]);
    else mates.push(id);
  }
  return [...hosts.values()];
}
