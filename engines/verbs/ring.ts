import { setTimeout } from 'node:timers';
import { ShapeError } from '../../src/errors.ts';
import type { EngineId } from '../../src/protocol/messages.ts';
import type { RingMultiply, RingSend } from '../../src/protocol/methods.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { deliver, onHost, roomFor } from '../device/operands.ts';
import type { EngineState } from '../engine-state.ts';
import type { Peers } from '../peers/peers.ts';
import { multiply } from './matmul.ts';
import type { Verb } from './verb.ts';

const ROSTER_WAIT_MS = 1000;
const ROSTER_POLL_MS = 10;

/**
 * One step of C = A · B where each engine holds some rows of B. Blocks go from mailbox to mailbox; no step waits for a task
 * of another engine (src/client/pdot/ring.ts says why).
 */
export const ring: Verb<'ring'> = {
  peeks: true,
  runsUserCode: () => false,
  run(args, state) {
    if (args.step === 'send') return send(args, state);
    if (args.step === 'multiply') return assembleAndMultiply(args, state);
    if (args.step !== 'forget') throw new TypeError(`ring has no step '${String((args as { step?: unknown }).step)}'`);
    state.peers.forget(args.tag);
    return undefined;
  },
};

async function send({ tag, place, block, dtype, columns, to }: RingSend, state: EngineState): Promise<undefined> {
  const found = await onHost(block);
  // A vector is a column.
  const part = found.rank === 1 && columns === 1 ? found.reshape([found.size, 1]) : found;
  if (part.dtype !== dtype || part.rank !== 2 || part.shape[1] !== columns) {
    throw new ShapeError(`a block of B is ${part.dtype}[${part.shape}], planned was ${dtype} with ${columns} columns`);
  }
  // All at once: each link has a queue of its own, and a peer that is slow or gone holds up no other.
  const sent = to.map(async ([other, engine]) => {
    const rank = await rankOf(engine, state);
    await state.peers.send(rank, mailTag(tag, place, other), part);
  });
  await Promise.all(sent);
  return undefined;
}

// B is put together before it is multiplied. Adding products of its blocks would round float32 once per block. It would
// also copy columns out of A, because columns are not windows.
async function assembleAndMultiply(args: RingMultiply, state: EngineState): Promise<Tensor | undefined> {
  const { tag, place, a, dtype, product, shape, from, transposeA, kept, into } = args;
  const b = roomFor(dtype, shape, state);
  const parts = await Promise.all(from.map((engine, other) => receive(engine, mailTag(tag, other, place), state)));
  let offset = 0;
  for (const part of parts) {
    // The one copy: the mail's buffers become one matrix.
    b.data.set(part.data, offset);
    offset += part.size;
  }
  if (offset !== b.size) throw new ShapeError(`the blocks of B have ${offset} elements, [${shape}] was planned`);
  return deliver(await multiply({ a, b, dtype: product, transposeA, kept }, state), into, state);
}

async function receive(engine: EngineId, tag: string, state: EngineState): Promise<Tensor> {
  const rank = await rankOf(engine, state);
  return (await state.peers.recv(rank, tag)) as Tensor;
}

const mailTag = (tag: string, from: number, to: number): string => `${tag}/${from}>${to}`;

/** The rank of an engine by its id. A new engine's roster may still be on its way. @throws PeerError */
async function rankOf(engine: EngineId, { peers, identity }: EngineState): Promise<number> {
  for (let waited = 0; waited <= ROSTER_WAIT_MS; waited += ROSTER_POLL_MS) {
    const rank = rankNow(engine, peers);
    if (rank >= 0) return rank;
    await new Promise((resolve) => setTimeout(resolve, ROSTER_POLL_MS));
  }
  const message = `engine ${identity.id} waited for a block of B from or to engine ${engine}: it left the cluster`;
  throw Object.assign(new Error(message), { name: 'PeerError' });
}

const rankNow = (engine: EngineId, peers: Peers): number => peers.ids.indexOf(engine);
