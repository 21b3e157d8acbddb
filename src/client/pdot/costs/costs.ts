import { num, type ObjectOf, object, orNull, type Reader } from '../../../protocol/fields.ts';

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
  /** Seconds for each byte from one engine to the client. */
  receive: num,
  /** Seconds for each byte that an engine gets from another one, while all send: also β. */
  between: num,
  /** Floating-point operations in a second on each engine, while all multiply float32: F. Null for engines without a device. */
  flops: orNull(num),
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
  /** Bytes and messages that an engine gets from others. */
  readonly between: number;
  readonly mail: number;
  /** Bytes of the result that come to the client. */
  readonly toClient: number;
  /** Bytes that the client and one engine copy row by row, because columns of a matrix are not contiguous. */
  readonly copied?: number | undefined;
  /** Operations of the engine with the largest block. */
  readonly flops: number;
}

/** Operations in a second that are assumed where none were measured. */
const FLOPS = 1e9;
/** Seconds for each byte that is copied row by row, at most: a link that is quicker copies in memory, too. */
const COPY = 1e-9;

/**
 * Seconds of a product: α for each call and engine, bytes over each kind of link, and the largest block's operations, one after
 * the other. It leaves out that sending and multiplying overlap, which all plans share.
 */
export function secondsOf(costs: ClusterCosts, work: ProductWork): number {
  const calls = work.rounds * (costs.call + Math.max(0, work.engines - 1) * costs.perEngine);
  const sent = work.once * costs.send + work.again * costs.sendAgain;
  const passed = work.between * costs.between + work.mail * costs.mail;
  const copied = (work.copied ?? 0) * Math.min(COPY, costs.send, costs.receive, costs.between);
  return calls + sent + passed + copied + work.flops / (costs.flops ?? FLOPS) + work.toClient * costs.receive;
}
