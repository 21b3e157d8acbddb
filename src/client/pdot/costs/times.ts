import type { ClusterCosts } from './costs.ts';

/** Seconds that one pass of a probe has measured. */
export interface ProbeTimes {
  /** A call on one engine, and on all. */
  readonly call: number;
  readonly all: number;
  /** `bytes` to one engine, the same to all, a part to each, and a part from each; calls included. */
  readonly single: number;
  readonly many: number;
  readonly dealt: number;
  readonly back: number;
  /** From each engine to the next one, all at once: a message, and `bytes`. On one engine there is nobody. */
  readonly mail?: number | undefined;
  readonly shift?: number | undefined;
  /** The same from one engine to another one, while the others rest. */
  readonly mailAlone?: number | undefined;
  readonly shiftAlone?: number | undefined;
  /** Copies of `bytes` row by row: on each engine, and here. */
  readonly copy: number;
  readonly copyHere: number;
  /** Products on engines that multiply. */
  readonly products?: ProductTimes | undefined;
}

/** Seconds of products of operands on the engines; each is behind two small ones. */
export interface ProductTimes {
  /** One small product: on all engines, and on one. */
  readonly rest: number;
  readonly restAlone: number;
  /** Square matrices: on all engines, and on one alone. */
  readonly square: number;
  readonly alone: number;
  /** A slim matrix and a square one, on all engines. */
  readonly slim: number;
}

/** The work that was timed. */
export interface ProbedWork {
  readonly engines: number;
  /** Bytes that went from here or came, and those between engines and in copies. */
  readonly bytes: number;
  readonly peerBytes: number;
  /** Operations of the square product on each engine, and bytes of the operands of the slim one, whose operations are too few to count. */
  readonly square: number;
  readonly slimBytes: number;
}

/** The least of each time: other work can only add to them, and rarely to all passes. */
export function leastOf(passes: readonly ProbeTimes[]): ProbeTimes {
  const products = passes.flatMap((pass) => pass.products ?? []);
  const times = lesser(passes.map((pass) => ({ ...pass, products: undefined })));
  return { ...times, products: products.length === 0 ? undefined : lesser(products) };
}

function lesser<T extends object>(all: readonly T[]): T {
  const least = Object.keys(all[0] as T).map((key) => {
    const values = all.map((one) => (one as Readonly<Record<string, number | undefined>>)[key]);
    return [key, values[0] === undefined ? undefined : Math.min(...(values as number[]))];
  });
  return Object.fromEntries(least) as T;
}

/** The costs that these times show. `measured`: milliseconds since 1970. */
export function costsOf(times: ProbeTimes, work: ProbedWork, measured: number): ClusterCosts {
  const { engines, peerBytes } = work;
  const { call, all, copy, copyHere } = times;
  const perEngine = engines === 1 ? call : above(all, call) / (engines - 1);
  const speeds = speedsOf(times.products, work);
  const bytes = bytesOf(times, work);
  const links = linksOf(times, peerBytes) ?? { mail: call, between: bytes.send };
  const copies = { copy: copy / peerBytes, copyHere: copyHere / peerBytes };
  return { engines, measured, call, perEngine, ...bytes, ...links, ...copies, ...speeds };
}

type Links = Pick<ClusterCosts, 'mail' | 'between' | 'mailAlone' | 'betweenAlone'>;

/** Undefined for one engine. */
function linksOf({ mail, shift, mailAlone, shiftAlone }: ProbeTimes, bytes: number): Links | undefined {
  if (mail === undefined || shift === undefined) return undefined;
  const between = above(shift, mail) / bytes;
  if (mailAlone === undefined || shiftAlone === undefined) return { mail, between };
  const alone = Math.min(between, above(shiftAlone, mailAlone) / bytes);
  return { mail, between, mailAlone: Math.min(mail, mailAlone), betweenAlone: alone };
}

function speedsOf(
  products: ProductTimes | undefined,
  { engines, square, slimBytes }: ProbedWork,
): Pick<ClusterCosts, 'flops' | 'flopsAlone' | 'touch'> {
  if (products === undefined) return { flops: null };
  const { rest, restAlone } = products;
  const flops = square / Math.max(SHORTEST, products.square - 2 * rest);
  const alone = square / Math.max(SHORTEST, products.alone - 2 * restAlone);
  const touch = above(products.slim, 2 * rest) / slimBytes;
  // Not more than all of them together, however short the time of one was.
  return { flops, flopsAlone: Math.min(Math.max(flops, alone), engines * flops), touch };
}

function bytesOf(
  { call, all, single, many, dealt, back }: ProbeTimes,
  { engines, bytes }: ProbedWork,
): Pick<ClusterCosts, 'send' | 'sendAgain' | 'sendOther' | 'receive'> {
  const one = above(single, call);
  const [send, receive] = [one / bytes, above(back, all) / bytes];
  if (engines === 1) return { send, sendAgain: send, sendOther: send, receive };
  const others = bytes * (engines - 1);
  const sendAgain = above(many, all + one) / others;
  const sendOther = above(dealt, all + one / engines) / (others / engines);
  // One after the other is the slowest way.
  return { send, sendAgain: Math.min(send, sendAgain), sendOther: Math.min(send, sendOther), receive };
}

/** No product is quicker. */
const SHORTEST = 1e-6;

function above(seconds: number, rest: number): number {
  return Math.max(0, seconds - rest);
}
