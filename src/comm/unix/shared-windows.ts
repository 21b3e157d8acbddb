import type { Parts } from '../transport.ts';

/** Below this (bytes) data go through the socket, where nothing is shared. */
const WORTHWHILE = 128 * 1024;

/**
 * The bodies of one call's tasks, in which windows of the same bytes are one object: a transport that sends it to several
 * engines of one host writes it once.
 */
export function shareWindows(bodies: readonly Parts[]): Parts[] {
  const known = new Map<ArrayBufferLike, Uint8Array[]>();
  const shared = (part: Uint8Array): Uint8Array => {
    if (part.byteLength < WORTHWHILE) return part;
    const windows = known.get(part.buffer) ?? [];
    const same = windows.find((one) => one.byteOffset === part.byteOffset && one.byteLength === part.byteLength);
    if (same !== undefined) return same;
    known.set(part.buffer, [...windows, part]);
    return part;
  };
  return bodies.map((body) => body.map(shared));
}
