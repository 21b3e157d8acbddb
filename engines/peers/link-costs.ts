/** Costs of messages between engines: the algorithms of collectives are chosen by them. */
export interface LinkCosts {
  /** Seconds of a message while all send: α. */
  readonly mail: number;
  /** Seconds of a byte while all send: β. */
  readonly between: number;
  /** The same of one message while the others rest: less where engines share cores. Default: as while all send. */
  readonly mailAlone?: number | undefined;
  readonly betweenAlone?: number | undefined;
}

/** About what engines of one host take. They count where nobody has probed the cluster. */
export const USUAL_COSTS: LinkCosts = { mail: 150e-6, between: 1e-9 };

/** Seconds of `sending` messages of so many bytes at the same time, of `size` engines: between those of one alone and those of all. */
function stepSeconds(
  { mail, between, mailAlone = mail, betweenAlone = between }: LinkCosts,
  size: number,
  sending: number,
  bytes: number,
): number {
  const others = (sending - 1) / (size - 1);
  return mailAlone + others * (mail - mailAlone) + bytes * (betweenAlone + others * (between - betweenAlone));
}

/** Seconds of a binomial tree of ⌈log₂N⌉ levels: 1, 2, 4 … messages at once, each with all bytes. */
export function treeSeconds(costs: LinkCosts, size: number, bytes: number): number {
  let seconds = 0;
  for (let reached = 1; reached < size; reached *= 2)
    seconds += stepSeconds(costs, size, Math.min(reached, size - reached), bytes);
  return seconds;
}

/** Seconds of one round of a ring: N − 1 steps, each with 1/N of the bytes. */
export function ringSeconds({ mail, between }: LinkCosts, size: number, bytes: number): number {
  return (size - 1) * (mail + (bytes / size) * between);
}

/** Seconds of a chain of chunks: N − 2 steps of one chunk, and one for each chunk. */
export function chainSeconds({ mail, between }: LinkCosts, size: number, bytes: number, chunk: number): number {
  return (size - 2 + bytes / chunk) * (mail + chunk * between);
}

/** Seconds of a broadcast by the quicker one of the two: a chain wants two chunks at least, and three ranks. */
export function broadcastSeconds(costs: LinkCosts, size: number, bytes: number, chunk: number): number {
  const tree = treeSeconds(costs, size, bytes);
  return size < 3 || bytes < 2 * chunk ? tree : Math.min(tree, chainSeconds(costs, size, bytes, chunk));
}

/** Seconds of a scatter or a gather at its root: N − 1 messages, each with 1/N of the bytes, while the others rest. */
export function rootSeconds(costs: LinkCosts, size: number, bytes: number): number {
  const { mailAlone = costs.mail, betweenAlone = costs.between } = costs;
  return (size - 1) * (mailAlone + (bytes / size) * betweenAlone);
}
