import type { Body } from '../../src/protocol/codec.ts';
import { RELAY_BYTES } from '../../src/protocol/relay-chunks.ts';
import { chainSeconds, type LinkCosts, treeSeconds, USUAL_COSTS } from '../peers/link-costs.ts';
import { bytesOf } from '../peers/mailbox.ts';
import type { Group } from './group.ts';

const STEP = 'broadcast';
/** Goes down the tree in place of a large body. */
const PIPED: Body = [];

/** Is a chain of chunks quicker than a binomial tree, by the costs of a message and a byte? */
export function isPiped(size: number, bytes: number, links: LinkCosts = USUAL_COSTS): boolean {
  if (size < 3 || bytes < 2 * RELAY_BYTES) return false;
  return chainSeconds(links, size, bytes, RELAY_BYTES) < treeSeconds(links, size, bytes);
}

/**
 * The value of rank `root`, on every rank; other ranks' `value` is not read. Small values go down a binomial tree. Large
 * ones go in chunks from neighbour to neighbour, so that all links work at the same time and carry them once. A value is
 * encoded once and passed on as it came.
 */
export async function broadcast(group: Group, value: unknown, root: number): Promise<unknown> {
  if (group.rank !== root) return group.decode(await receive(group, root));
  const body = group.encode(value);
  const large = isPiped(group.size, bytesOf(body), group.links);
  await passOn(group, root, large ? PIPED : body);
  if (large) await group.pipe(root, body);
  return value;
}

async function receive(group: Group, root: number): Promise<Body> {
  const place = placeOf(group, root);
  const parent = place - lowestBit(place);
  const body = await group.take((parent + root) % group.size, STEP);
  await passOn(group, root, body);
  return body.length === 0 ? group.piped(root) : body;
}

async function passOn(group: Group, root: number, body: Body): Promise<void> {
  await Promise.all(
    children(placeOf(group, root), group.size).map((child) => group.post((child + root) % group.size, STEP, body)),
  );
}

// The rank, counted from the root.
function placeOf({ rank, size }: Group, root: number): number {
  return (rank - root + size) % size;
}

function lowestBit(place: number): number {
  return place & -place;
}

/** The children of a place in a binomial tree, the largest subtree first. */
export function children(place: number, size: number): number[] {
  const out: number[] = [];
  const limit = place === 0 ? size : lowestBit(place);
  for (let bit = 1; bit < limit && place + bit < size; bit <<= 1) out.unshift(place + bit);
  return out;
}
