/** Costs of messages between engines: the algorithms of collectives are chosen by them. */
export interface LinkCosts {
  /** Seconds of a message: α. */
  readonly mail: number;
  /** Seconds of a byte: β. */
  readonly between: number;
}

/** About what engines of one host take. They count where nobody has probed the cluster. */
export const USUAL_COSTS: LinkCosts = { mail: 150e-6, between: 1e-9 };

/** Seconds of a tree of ⌈log₂N⌉ levels, each of which sends all bytes. */
export function treeSeconds({ mail, between }: LinkCosts, size: number, bytes: number): number {
  return Math.ceil(Math.log2(size)) * (mail + bytes * between);
}

/** Seconds of one round of a ring: N − 1 steps, each with 1/N of the bytes. */
export function ringSeconds({ mail, between }: LinkCosts, size: number, bytes: number): number {
  return (size - 1) * (mail + (bytes / size) * between);
}

/** Seconds of a chain of chunks: N − 2 steps of one chunk, and one for each chunk. */
export function chainSeconds({ mail, between }: LinkCosts, size: number, bytes: number, chunk: number): number {
  return (size - 2 + bytes / chunk) * (mail + chunk * between);
}
