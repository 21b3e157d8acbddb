import { freemem } from 'node:os';
import { LEAST_BYTES, moveToHugePages } from './huge-pages.ts';

/** Times that a block crosses before it moves: moving costs as much as some of them. */
const CROSSINGS = 4;
/** A block of zeros that nobody has written takes no memory before it moves: at most this part of what is free. */
const SHARE = 4;

/** Bytes that have crossed from or to each block. */
const crossed = new WeakMap<ArrayBufferLike, number>();

/**
 * Notes that `window` crossed between processes. A block that is used again and again, such as the operand of each call or its
 * receive buffer, moves into huge pages once: from those, and into those, data go twice as fast.
 */
export function noteCrossing({ buffer, byteLength }: Uint8Array, move: typeof moveToHugePages = moveToHugePages): void {
  if (buffer.byteLength < LEAST_BYTES) return;
  const before = crossed.get(buffer) ?? 0;
  const after = before + byteLength;
  const limit = CROSSINGS * buffer.byteLength;
  if (before > limit) return;
  crossed.set(buffer, after);
  if (after > limit && buffer.byteLength < freemem() / SHARE) void move(new Uint8Array(buffer));
}
