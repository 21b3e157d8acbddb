import { readdirSync, readFileSync } from 'node:fs';
import { ConnectionError } from '../../errors.ts';
import { LinkReserve } from './link-reserve.ts';

/** This process, or its system, has too few descriptors left. Users know it as a ConnectionError. */
export class DescriptorShortage extends ConnectionError {
  override name: string = ConnectionError.name;
}

/** Descriptors that one link takes at most while it is opened. */
const PER_LINK = 16;
/** Those of them that it opens later than it was asked for: its connection, and a look at the network. */
const PER_CONNECTION = 2;
/** Descriptors that are kept for links: so many over Unix sockets, or one over tcp with some that others may take meanwhile. */
const KEPT = PER_LINK + 8;
/** Links that were opened and are not connected yet. */
let connecting = 0;
let reserve: LinkReserve | undefined;

/** Open descriptors of a process, and how many it may have. */
interface Descriptors {
  readonly open: number;
  readonly limit: number;
}

/** Milliseconds for which a count of the open descriptors is good: reading them takes longer the more there are. */
const COUNTED_MS = 50;
/** The last count, less what has been granted since. */
let spare = 0;
let countedAt = Number.NEGATIVE_INFINITY;

/** The last limit that was read. The first reading is early: a process without a free descriptor cannot read. */
let known = 0;
descriptors();

/** How many descriptors this process may have; infinite where the system does not tell. */
export function descriptorLimit(): number {
  return descriptors()?.limit ?? Number.POSITIVE_INFINITY;
}

/** Undefined where the system does not tell. A process that has no descriptor left cannot count them: all are open. */
function descriptors(): Descriptors | undefined {
  try {
    known = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
    return Number.isNaN(known) ? undefined : { open: readdirSync('/proc/self/fd').length, limit: known };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EMFILE' ? { open: known, limit: known } : undefined;
  }
}

/** The error of a purpose for which the system has no descriptor left. */
export function noDescriptor(purpose: string, cause?: unknown): DescriptorShortage {
  const text = `${purpose} needs descriptors: all of this process are open, and ${known} is its limit (ulimit -n)`;
  return new DescriptorShortage(text, { cause });
}

/** From now on this thread keeps descriptors for a link that finds none. Idempotent. */
export function keepForLinks(): void {
  reserve ??= new LinkReserve(KEPT);
}

/**
 * A link that would need the last descriptors is refused: others that were opened before it could not connect any more. From
 * now on the descriptors that it will open for its connection count as open. Those that this thread keeps for links are given
 * before one is refused.
 * @returns tells that the link is connected, or has ended; idempotent
 * @throws DescriptorShortage
 */
export function reserveDescriptors(purpose: string): () => void {
  checkWithReserve(purpose);
  connecting++;
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    connecting--;
    reserve?.fill();
  };
}

/** @throws DescriptorShortage */
function checkWithReserve(purpose: string): void {
  try {
    checkDescriptors(purpose);
  } catch (error) {
    if (reserve?.give() !== true) throw error;
    checkGiven(purpose, reserve);
  }
}

/** @throws DescriptorShortage */
function checkGiven(purpose: string, given: LinkReserve): void {
  try {
    checkDescriptors(purpose);
  } catch (error) {
    given.fill();
    throw error;
  }
}

/** libzmq waits for ever, or ends the process, where descriptors are missing. @throws DescriptorShortage */
export function checkDescriptors(purpose: string, needed: number = PER_LINK): void {
  // Thousands of links in a row must not count thousands of descriptors each.
  if (performance.now() - countedAt < COUNTED_MS && spare > known / 2) {
    spare -= needed;
    return;
  }
  const now = descriptors();
  if (now === undefined) return;
  const promised = PER_CONNECTION * connecting;
  spare = now.limit - now.open - promised - needed;
  countedAt = performance.now();
  if (spare >= 0) return;
  const others = promised === 0 ? '' : `; ${promised} more are for links that are not connected yet`;
  throw new DescriptorShortage(
    `${purpose} needs ${needed} descriptors: ${now.open} of this process are open, and ${now.limit} is its limit (ulimit -n)${others}`,
  );
}
