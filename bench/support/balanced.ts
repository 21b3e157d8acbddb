// Figures of load balancing: no-op tasks per second, and the time and memory of a map of many items.
import type { Client } from 'directview';
import { timed } from './stats.ts';

const noop = () => undefined;
const increment = (x: number) => x + 1;
const MB = 1e6;

/** Figures of one map. */
export interface MapFigures {
  /** Items per second. */
  readonly rate: number;
  /** The most megabytes of heap and buffers above those before, with garbage. */
  readonly peakMegabytes: number;
  /** Megabytes above those before, after the result is dropped and garbage is collected (needs --expose-gc). */
  readonly keptMegabytes: number;
}

/** Tasks per second with `n` load-balanced no-op calls under way at once. */
export async function balancedRate(rc: Client, n = 20_000, hwm: number | 'auto' = 'auto'): Promise<number> {
  const lview = rc.loadBalanced('all', { hwm });
  const ms = await timed(() => Promise.all(Array.from({ length: n }, () => lview.apply(noop))));
  return n / (ms / 1000);
}

/** Milliseconds of one load-balanced no-op call after another, `n` times. */
export async function balancedLatency(rc: Client, n = 1000): Promise<number[]> {
  const lview = rc.loadBalanced();
  const times: number[] = [];
  for (let i = 0; i < n; i++) times.push(await timed(() => lview.apply(noop)));
  return times;
}

/** An unordered map over `n` numbers, consumed as its items arrive, one item per task. @throws Error for a wrong sum */
export function unorderedMap(rc: Client, n = 100_000, chunkSize: number | 'auto' = 1): Promise<MapFigures> {
  const input = Array.from({ length: n }, (_, i) => i);
  return watched(n, async () => {
    const result = rc.loadBalanced().map(increment, input, { ordered: false, chunkSize });
    checkSum(n, await sumOf(result));
  });
}

/** The same as a stream, of which only a few items are in memory at a time. @throws Error for a wrong sum */
export function unorderedImap(rc: Client, n = 100_000, maxOutstanding = 256): Promise<MapFigures> {
  return watched(n, async () => {
    checkSum(n, await sumOf(rc.loadBalanced().imap(increment, upTo(n), { ordered: false, maxOutstanding })));
  });
}

function* upTo(n: number): Generator<number, void, undefined> {
  for (let i = 0; i < n; i++) yield i;
}

async function sumOf(items: AsyncIterable<number>): Promise<number> {
  let sum = 0;
  for await (const item of items) sum += item;
  return sum;
}

function checkSum(n: number, sum: number): void {
  if (sum !== (n * (n + 1)) / 2) throw new Error(`the items of a map of ${n} add up to ${sum}`);
}

async function watched(n: number, run: () => Promise<void>): Promise<MapFigures> {
  globalThis.gc?.();
  const before = used();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, used());
  }, 20);
  const ms = await timed(run);
  clearInterval(timer);
  // Buffers from sockets are freed one turn after they are collected.
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 200));
  globalThis.gc?.();
  return { rate: n / (ms / 1000), peakMegabytes: (peak - before) / MB, keptMegabytes: (used() - before) / MB };
}

function used(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
