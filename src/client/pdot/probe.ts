import { randomUUID } from 'node:crypto';
import { ref } from '../../protocol/values/ref.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { DURATION, type Rules, SIGNAL } from '../../util/checks.ts';
import type { DirectView } from '../direct-view.ts';
import type { CallOptions } from '../options.ts';
import type { Mode } from '../remote.ts';
import type { ClusterCosts } from './costs/costs.ts';
import { deadline } from './deadline.ts';
import { pdot } from './pdot.ts';

/** Options of `Client.probe`. */
export interface ProbeOptions {
  /** Milliseconds for all measurements; default: no limit. */
  readonly timeout?: number | undefined;
  /** Ends them with AbortError. */
  readonly signal?: AbortSignal | undefined;
}

/** The kind of each option of `Client.probe`. */
export const PROBE_OPTIONS: Rules<ProbeOptions> = { timeout: DURATION, signal: SIGNAL };

/** Elements of float32 whose way is timed: 8 MB, beyond caches and below credit windows. */
const ELEMENTS = 2e6;
const BYTES = 4 * ELEMENTS;
const CALLS = 20;
const WARM_CALLS = 500;
const ROUNDS = 5;
/** Sizes of the square matrices that are multiplied: the first one that takes long enough counts. */
const SQUARES = [256, 512, 1024, 2048];
const LONG_S = 0.1;

declare const engine: {
  readonly rank: number;
  readonly size: number;
  send(rank: number, tag: string, value: unknown): Promise<void>;
  recv(rank: number, tag: string): Promise<unknown>;
  barrier(): Promise<void>;
};

interface Probed {
  /** The view of all engines, and of the first one, with the time that is left. */
  all(): DirectView<'many'>;
  one(): DirectView<'one'>;
  readonly engines: number;
  readonly limits: CallOptions;
}

/**
 * Measures α, β and F of a cluster within a few seconds, on all of its engines. It waits behind tasks that are there, and other
 * work makes it wrong.
 * @throws TimeoutError, AbortError, CompositeError
 */
export async function probe(
  all: DirectView<'many'>,
  one: DirectView<'one'>,
  { engines, canMultiply, ...options }: ProbeOptions & { readonly engines: number; readonly canMultiply: boolean },
): Promise<ClusterCosts> {
  const limits = deadline(options);
  const left = <M extends Mode>(view: DirectView<M>) => view.with({ ...limits });
  const probed: Probed = { all: () => left(all), one: () => left(one), engines, limits };
  const calls = await timesOfCalls(probed);
  const bytes = await timesOfBytes(probed, calls);
  const peers = engines > 1 ? await timesOfPeers(probed) : { mail: calls.call, between: bytes.send };
  const flops = canMultiply ? await speed(probed, calls.call) : null;
  return { engines, measured: Date.now(), ...calls, ...bytes, ...peers, flops };
}

async function timesOfCalls({ all, one, engines }: Probed): Promise<Pick<ClusterCosts, 'call' | 'perEngine'>> {
  const noop = () => undefined;
  // First calls are slower: their code is not compiled.
  const call = await median(CALLS, () => one().apply(noop), WARM_CALLS);
  const whole = await median(CALLS, () => all().apply(noop), Math.ceil(WARM_CALLS / engines));
  return { call, perEngine: engines === 1 ? call : Math.max(0, whole - call) / (engines - 1) };
}

async function timesOfBytes(
  { all, one, engines }: Probed,
  { call, perEngine }: Pick<ClusterCosts, 'call' | 'perEngine'>,
): Promise<Pick<ClusterCosts, 'send' | 'sendAgain' | 'receive'>> {
  const name = newName();
  const data = new Float32Array(ELEMENTS).fill(0.5);
  try {
    const single = (await median(ROUNDS, () => one().push({ [name]: data }))) - call;
    const many = (await median(ROUNDS, () => all().push({ [name]: data }))) - call - perEngine * (engines - 1);
    const back = (await median(ROUNDS, () => one().pull(name))) - call;
    const send = Math.max(0, single) / BYTES;
    const sendAgain = engines === 1 ? send : Math.max(0, many - single) / (engines - 1) / BYTES;
    return { send, sendAgain, receive: Math.max(0, back) / BYTES };
  } finally {
    await all().clear([name]);
  }
}

/** All engines send to the next one at the same time, as collectives and products do. */
async function timesOfPeers({ all }: Probed): Promise<Pick<ClusterCosts, 'mail' | 'between'>> {
  const round = async (elements: number, rounds: number): Promise<number> => {
    const shift = async (tag: string, length: number, times: number) => {
      const mine = new Float32Array(length).fill(0.5);
      const { rank, size, send, recv } = engine;
      const step = (i: number) =>
        Promise.all([send((rank + 1) % size, `${tag}/${i}`, mine), recv((rank + size - 1) % size, `${tag}/${i}`)]);
      await step(-1);
      await engine.barrier();
      const steps: number[] = [];
      for (let i = 0; i < times; i++) {
        const start = performance.now();
        await step(i);
        steps.push((performance.now() - start) / 1000);
      }
      // Not the mean: a collection of garbage, or other work, would count for all.
      return steps.sort((x, y) => x - y)[times >> 1] as number;
    };
    return Math.max(...(await all().apply(shift, `probe:${randomUUID()}`, elements, rounds)));
  };
  const mail = await round(2, CALLS);
  return { mail, between: Math.max(0, (await round(ELEMENTS, ROUNDS)) - mail) / BYTES };
}

/** Each engine multiplies two square matrices that it has. A small product behind it tells when the devices are done. */
async function speed({ all, engines, limits }: Probed, call: number): Promise<number> {
  const [a, b, c, last] = [newName(), newName(), newName(), newName()];
  try {
    await all().scatter(last, new Tensor('float32', [engines, 1]));
    let flops = 0;
    for (const n of SQUARES) {
      const half = (rows: number) => new Tensor('float32', [rows, n], new Float32Array(rows * n).fill(0.5));
      await Promise.all([all().scatter(a, half(engines * n)), all().push({ [b]: half(n) })]);
      const settle = () => pdot(all(), ref(last), [[1]], { dtype: 'float32', ...limits });
      const multiply = () => pdot(all(), ref(a), ref(b), { plan: 'rows', into: c, ...limits });
      const rest = await median(ROUNDS, settle);
      const whole = await median(ROUNDS, async () => {
        await multiply();
        await settle();
      });
      const seconds = Math.max(1e-6, whole - rest - call);
      flops = (2 * n ** 3) / seconds;
      if (seconds > LONG_S) break;
    }
    return flops;
  } finally {
    await all().clear([a, b, c, last]);
  }
}

const newName = (): string => `probe_${randomUUID().replaceAll('-', '')}`;

/** The median of the seconds that `run` takes, after some that warm up. */
async function median(rounds: number, run: () => PromiseLike<unknown>, warmups = 1): Promise<number> {
  for (let i = 0; i < warmups; i++) await run();
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    await run();
    times.push((performance.now() - start) / 1000);
  }
  return times.sort((x, y) => x - y)[rounds >> 1] as number;
}
