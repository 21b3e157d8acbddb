import { setTimeout } from 'node:timers';
import { ShapeError } from '../../src/errors.ts';
import type { EngineId } from '../../src/protocol/messages.ts';
import type { RingMultiply, RingPanel, RingSend } from '../../src/protocol/methods.ts';
import type { DType } from '../../src/tensor/dtype.ts';
import { sizeOf } from '../../src/tensor/shape.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { deliver, onHost, roomFor } from '../device/operands.ts';
import type { EngineState } from '../engine-state.ts';
import type { Peers } from '../peers/peers.ts';
import { multiply } from './matmul.ts';
import type { Verb } from './verb.ts';

/** After the tags of rows of A. */
const LEFT = ':A';
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

async function send(args: RingSend, state: EngineState): Promise<undefined> {
  const { tag, place, block, dtype, columns, to, slices, left } = args;
  const part = rowsOf('B', await onHost(block), dtype, columns);
  const rows = left === undefined ? undefined : rowsOf('A', await onHost(left.block), left.dtype, left.columns);
  const post = async ([other, engine]: readonly [number, number], name: string, value: Tensor) => {
    const rank = await rankOf(engine, state);
    await state.peers.send(rank, `${mailTag(tag, place, other)}${name}`, value);
  };
  const [sliced, slicedRows] = [slicer(part), rows === undefined ? undefined : slicer(rows)];
  // All at once: each link has a queue of its own, and a peer that is slow or gone holds up no other.
  await Promise.all([
    ...(slicedRows === undefined
      ? []
      : (left?.to ?? []).map((one, i) => post(one, LEFT, slicedRows(left?.slices?.[i])))),
    ...to.map((one, i) => post(one, '', sliced(slices?.[i]))),
  ]);
  return undefined;
}

/** A block as the planned matrix. @throws ShapeError when it is another one */
function rowsOf(name: string, found: Tensor, dtype: DType, columns: number): Tensor {
  const width = found.rank === 1 ? columns : sizeOf(found.shape.slice(-1));
  if (
    found.dtype !== dtype ||
    found.rank === 0 ||
    width !== columns ||
    (found.rank === 1 && columns !== 1 && name === 'B')
  ) {
    throw new ShapeError(
      `a block of ${name} is ${found.dtype}[${found.shape}], planned was ${dtype} with ${columns} columns`,
    );
  }
  // A vector is a column, and leading axes are rows.
  return found.reshape([columns === 0 ? sizeOf(found.shape.slice(0, -1)) : found.size / columns, columns]);
}

/** Columns of a block, a copy for each different slice: columns are not windows. */
function slicer(part: Tensor): (slice: readonly [number, number] | undefined) => Tensor {
  const [rows, columns] = part.shape as readonly [number, number];
  const made = new Map<string, Tensor>();
  return (slice) => {
    if (slice === undefined || (slice[0] === 0 && slice[1] === columns)) return part;
    const found = made.get(String(slice)) ?? part.slice([0, slice[0]], [rows, slice[1]]);
    made.set(String(slice), found);
    return found;
  };
}

// B is put together before it is multiplied. Adding products of its blocks would round float32 once per block. It would
// also copy columns out of A, because columns are not windows.
async function assembleAndMultiply(args: RingMultiply, state: EngineState): Promise<Tensor | undefined> {
  const { dtype, product, shape, from, transposeA, transposeB, kept, into, left, right } = args;
  const whole = right ?? { dtype, shape, from: from.map((engine, place) => [place, engine] as const) };
  const [a, b] = await Promise.all([
    left === undefined ? args.a : assemble('A', left, args, LEFT, state),
    assemble('B', whole, args, '', state),
  ]);
  return deliver(await multiply({ a, b, dtype: product, transposeA, transposeB, kept }, state), into, state);
}

async function assemble(
  name: string,
  { dtype, shape, from }: RingPanel,
  { tag, place }: RingMultiply,
  suffix: string,
  state: EngineState,
): Promise<Tensor> {
  const tags = (other: number) => `${mailTag(tag, other, place)}${suffix}`;
  const matrix = roomFor(dtype, shape, state);
  const parts = await Promise.all(from.map(([other, engine]) => receive(engine, tags(other), state)));
  let offset = 0;
  for (const part of parts) {
    if (part.dtype !== dtype || offset + part.size > matrix.size) break;
    // The one copy: the mail's buffers become one matrix.
    matrix.data.set(part.data, offset);
    offset += part.size;
  }
  if (offset === matrix.size) return matrix;
  const elements = parts.reduce((sum, part) => sum + part.size, 0);
  throw new ShapeError(`the blocks of ${name} have ${elements} elements, ${dtype}[${shape}] was planned`);
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
