import { num, type ObjectOf, object, optional, orNull, type Reader } from '../../../protocol/fields.ts';

const fields = {
  /** The engines that were there. */
  engines: num,
  /** Milliseconds since 1970. */
  measured: num,
  /** Seconds of a call on one engine, there and back: α. */
  call: num,
  /** Seconds that each further engine adds to a call. */
  perEngine: num,
  /** Seconds of a message from engine to engine, while all send. */
  mail: num,
  /** Seconds for each byte from the client to one engine: β. */
  send: num,
  /** Seconds for each byte that the client sends to a further engine, where all get the same. */
  sendAgain: num,
  /** Seconds for each byte that the client sends to a further engine, where each gets bytes of its own. */
  sendOther: optional(num),
  /** Seconds for each byte from engines to the client. */
  receive: num,
  /** Seconds for each byte that an engine gets from another one, while all send: also β. */
  between: num,
  /** A message, and each byte, from one engine to another one, while the others rest: less where engines share cores. */
  mailAlone: optional(num),
  betweenAlone: optional(num),
  /** Seconds for each byte of a matrix that the client copies row by row, and that each engine copies while all copy: γ. */
  copyHere: optional(num),
  copy: optional(num),
  /**
   * Seconds for each byte of operands that lie on an engine, beside the operations, while all multiply. Operands that come from the
   * client have it in the time of sending.
   */
  touch: optional(num),
  /** Floating-point operations in a second on each engine, while all multiply float32: F. Null for engines without a device. */
  flops: orNull(num),
  /** The same of one engine while the others rest: more than F where engines share cores. */
  flopsAlone: optional(num),
};

/** The costs of a cluster, as `rc.probe()` measures them. The cost model (docs/scale.md) is made of them. */
export interface ClusterCosts extends ObjectOf<typeof fields> {}

/** Reads ClusterCosts from parsed JSON. @throws ProtocolError */
export const clusterCosts: Reader<ClusterCosts> = object(fields);

/** The work of one plan of a product. */
export interface ProductWork {
  /** Calls one after the other. */
  readonly rounds: number;
  /** Engines that multiply. */
  readonly engines: number;
  /** Bytes from the client that go to one engine, and those that go to another engine, too. */
  readonly once: number;
  readonly again: number;
  /** Bytes from the client to the engine that gets most; all that go once, unless it is said. */
  readonly first?: number | undefined;
  /** Bytes and messages that an engine gets from others. */
  readonly between: number;
  readonly mail: number;
  /** Bytes of the result that come to the client. */
  readonly toClient: number;
  /** Bytes that an engine copies, and those that the client copies, because rows and columns of blocks are put together. */
  readonly copied?: number | undefined;
  readonly copiedHere?: number | undefined;
  /** Bytes of the operands of the engine with the largest block, where they do not come from the client as they are multiplied. */
  readonly touched?: number | undefined;
  /** Operations of the engine with the largest block. */
  readonly flops: number;
}

/** Operations in a second that are assumed where none were measured. */
const FLOPS = 1e9;
/** Seconds for each byte that is copied row by row, at most, where nobody has measured it. */
const COPY = 1e-9;

/**
 * Seconds of a product: α for each call and engine, bytes over each kind of link, copies, and the largest block's operands and
 * operations, one after the other. It leaves out that sending and multiplying overlap, which all plans share.
 */
export function secondsOf(costs: ClusterCosts, work: ProductWork): number {
  const calls = work.rounds * (costs.call + Math.max(0, work.engines - 1) * costs.perEngine);
  const passed = work.between * costs.between + work.mail * costs.mail;
  const multiplied = (work.touched ?? 0) * (costs.touch ?? 0) + work.flops / rateOf(costs, work.engines);
  return (
    calls + sentSeconds(costs, work) + passed + copySeconds(costs, work) + multiplied + work.toClient * costs.receive
  );
}

/** The engine that gets most waits for its bytes; those of the others are on their way at the same time, as far as links can. */
function sentSeconds({ send, sendAgain, sendOther = send }: ClusterCosts, { once, again, first = once }: ProductWork) {
  return first * send + (once - first) * sendOther + again * sendAgain;
}

/** A link that is quicker than memory is assumed to be copies in memory. */
function copySeconds(costs: ClusterCosts, { copied = 0, copiedHere = 0 }: ProductWork): number {
  const usual = Math.min(COPY, costs.send, costs.receive, costs.between);
  return copied * (costs.copy ?? usual) + copiedHere * (costs.copyHere ?? usual);
}

/** Operations in a second on each of so many engines: those that multiply share what all of them have, up to what one can do. */
function rateOf({ engines, flops, flopsAlone }: ClusterCosts, multiplying: number): number {
  if (flops === null) return FLOPS;
  return Math.max(flops, Math.min(flopsAlone ?? flops, (flops * engines) / Math.max(1, multiplying)));
}
