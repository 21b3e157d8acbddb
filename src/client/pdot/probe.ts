import { randomUUID } from 'node:crypto';
import { ref } from '../../protocol/values/ref.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { DURATION, type Rules, SIGNAL } from '../../util/checks.ts';
import type { DirectView } from '../direct-view.ts';
import type { CallOptions } from '../options.ts';
import type { Mode } from '../remote.ts';
import type { ClusterCosts } from './costs/costs.ts';
import { costsOf, leastOf, type ProbeTimes, type ProductTimes } from './costs/times.ts';
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

/** Elements of float32 that go from engine to engine: 8 MB, beyond caches and below credit windows. */
const ELEMENTS = 2e6;
/** The side of a matrix of about as many elements, and the rows or columns of a slim one. */
const SIDE = 1400;
const SLIM = 2;
const CALLS = 20;
const WARM_CALLS = 500;
/** The whole is measured so many times: other work, for a second or so, spoils one of them. */
const PASSES = 2;
/** Each time of a pass is the least of so many rounds, and of more until these milliseconds are over. */
const ROUNDS = 3;
const ROUNDS_MS = 25;
/** Steps between engines are timed in windows: a message that is there already tells nothing. */
const WINDOWS = 3;
/** Sizes of the square matrices that are multiplied: the first one that takes so many seconds counts. */
const SQUARES = [512, 1024, 2048];
const LONG_S = 0.01;

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
 * Measures α, β, γ and F of a cluster within a few seconds, on all of its engines. It waits behind tasks that are there. The least of
 * several times counts, because other work can only add to it; work that lasts makes all of them wrong.
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
  await warm(probed);
  const side = canMultiply ? await longEnough(probed) : 0;
  const passes: ProbeTimes[] = [];
  for (let pass = 0; pass < PASSES; pass++) passes.push(await onePass(probed, side));
  const work = {
    engines,
    bytes: canMultiply ? 4 * SIDE * SIDE : 4 * ELEMENTS,
    peerBytes: 4 * ELEMENTS,
    square: 2 * side ** 3,
    slimBytes: 4 * SIDE * (SIDE + SLIM),
  };
  return costsOf(leastOf(passes), work, Date.now());
}

const noop = () => undefined;

/** First calls are slower: their code is not compiled. */
async function warm({ all, one, engines }: Probed): Promise<void> {
  for (let i = 0; i < WARM_CALLS; i++) await one().apply(noop);
  for (let i = 0; i < WARM_CALLS / engines; i++) await all().apply(noop);
}

/** `side`: of the square matrices; 0 for engines that do not multiply. */
async function onePass(probed: Probed, side: number): Promise<ProbeTimes> {
  const { all, one, engines } = probed;
  const call = await least(() => one().apply(noop), CALLS);
  const whole = engines === 1 ? call : await least(() => all().apply(noop), CALLS);
  const bytes = await (side > 0 ? timesOfOperands(probed) : timesOfValues(probed));
  const products = side > 0 ? await timesOfProducts(probed, side) : undefined;
  const peers = engines > 1 ? await timesOfPeers(probed) : {};
  return { call, all: whole, ...bytes, ...peers, ...(await timesOfCopies(probed)), products };
}

type Ways = Pick<ProbeTimes, 'single' | 'many' | 'dealt' | 'back'>;

/** Values that are pushed to engines that do not multiply, and gathered. */
async function timesOfValues({ all, one }: Probed): Promise<Ways> {
  const name = newName();
  const data = new Float32Array(ELEMENTS).fill(0.5);
  try {
    const single = await least(() => one().push({ [name]: data }));
    const many = await least(() => all().push({ [name]: data }));
    const dealt = await least(() => all().scatter(name, data));
    return { single, many, dealt, back: await least(() => all().gather(name)) };
  } finally {
    await all().clear([name]);
  }
}

/** Operands and results of products that hardly compute: they go where those of other products go, and are freed as those are. */
async function timesOfOperands({ all, one, engines, limits }: Probed): Promise<Ways> {
  const timed = (view: () => DirectView<Mode>, m: number, k: number, n: number): Promise<number> => {
    const [a, b] = [halves(m, k), halves(k, n)];
    return least(() => pdot(view(), a, b, { plan: 'rows', ...limits }));
  };
  const single = await timed(one, SLIM, SIDE, SIDE);
  const many = await timed(all, SLIM * engines, SIDE, SIDE);
  const dealt = await timed(all, SIDE, SIDE, SLIM);
  return { single, many, dealt, back: await timed(all, SIDE, SLIM, SIDE) };
}

type Peers = Pick<ProbeTimes, 'mail' | 'shift' | 'mailAlone' | 'shiftAlone'>;

/** All engines send to the next one at the same time, as in a ring; then two of them in turn, while the others wait. */
async function timesOfPeers({ all }: Probed): Promise<Peers> {
  const timed = async (elements: number, steps: number, isAlone: boolean): Promise<number> => {
    const exchange = async (tag: string, length: number, times: number, windows: number, alone: boolean) => {
      const mine = new Float32Array(length).fill(0.5);
      const { rank, size, send, recv } = engine;
      const shift = (i: number) =>
        Promise.all([send((rank + 1) % size, `${tag}/${i}`, mine), recv((rank + size - 1) % size, `${tag}/${i}`)]);
      // There, and back.
      const turn = async (i: number) => {
        if (rank === 0) await send(1, `${tag}/${i}`, mine);
        if (rank < 2) await recv(1 - rank, `${tag}/${i}`);
        if (rank === 1) await send(0, `${tag}/${i}`, mine);
      };
      const step = alone ? turn : shift;
      await step(-1);
      await engine.barrier();
      let best = Number.POSITIVE_INFINITY;
      for (let window = 0; window < windows; window++) {
        const start = performance.now();
        for (let i = 0; i < times; i++) await step(window * times + i);
        best = Math.min(best, (performance.now() - start) / 1000 / times);
      }
      await engine.barrier();
      return alone ? best / 2 : best;
    };
    const tag = `probe:${randomUUID()}`;
    return Math.max(...(await all().apply(exchange, tag, elements, steps, WINDOWS, isAlone)));
  };
  return {
    mail: await timed(2, CALLS, false),
    shift: await timed(ELEMENTS, 3, false),
    mailAlone: await timed(2, CALLS, true),
    shiftAlone: await timed(ELEMENTS, 3, true),
  };
}

/** Rows of 1 KB that are copied into fresh memory: here, and on all engines at the same time. */
async function timesOfCopies({ all }: Probed): Promise<Pick<ProbeTimes, 'copy' | 'copyHere'>> {
  const copies = (length: number, rounds: number): number => {
    const mine = new Float32Array(length).fill(0.5);
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      const start = performance.now();
      const out = new Float32Array(length);
      for (let at = 0; at < length; at += 256) out.set(mine.subarray(at, at + 256), at);
      best = Math.min(best, (performance.now() - start) / 1000);
    }
    return best;
  };
  const copy = Math.max(...(await all().apply(copies, ELEMENTS, ROUNDS)));
  return { copy, copyHere: copies(ELEMENTS, ROUNDS) };
}

/** Products of matrices on engines, and a small product. */
interface OnEngines {
  /** Two small products: each asks for shapes, and multiplies. */
  readonly rest: number;
  /** One of these matrices, and a small one behind it, which tells when the devices are done. */
  readonly seconds: number;
}

/** Each engine multiplies some rows with a square matrix. */
async function multiplied(view: () => DirectView<Mode>, parts: number, [rows, side]: Sides, limits: CallOptions) {
  const [a, b, c, last] = [newName(), newName(), newName(), newName()];
  try {
    await Promise.all([
      view().scatter(last, new Tensor('float32', [parts, 1])),
      view().scatter(a, halves(parts * rows, side)),
      view().push({ [b]: halves(side, side) }),
    ]);
    const settle = () => pdot(view(), ref(last), [[1]], { dtype: 'float32', ...limits });
    const rest = await least(settle);
    const seconds = await least(async () => {
      await pdot(view(), ref(a), ref(b), { plan: 'rows', into: c, ...limits });
      await settle();
    });
    return { rest, seconds } satisfies OnEngines;
  } finally {
    await view().clear([a, b, c, last]);
  }
}

type Sides = readonly [rows: number, side: number];

async function timesOfProducts({ all, one, engines, limits }: Probed, side: number): Promise<ProductTimes> {
  const square = await multiplied(all, engines, [side, side], limits);
  const alone = engines === 1 ? square : await multiplied(one, 1, [side, side], limits);
  const slim = await multiplied(all, engines, [SLIM, SIDE], limits);
  return {
    rest: Math.min(square.rest, slim.rest),
    restAlone: alone.rest,
    square: square.seconds,
    alone: alone.seconds,
    slim: slim.seconds,
  };
}

/** The first side whose products take long, or the largest. */
async function longEnough({ all, engines, limits }: Probed): Promise<number> {
  for (const side of SQUARES) {
    const { rest, seconds } = await multiplied(all, engines, [side, side], limits);
    if (seconds - 2 * rest > LONG_S) return side;
  }
  return SQUARES.at(-1) as number;
}

const halves = (rows: number, columns: number): Tensor =>
  new Tensor('float32', [rows, columns], new Float32Array(rows * columns).fill(0.5));

const newName = (): string => `probe_${randomUUID().replaceAll('-', '')}`;

/** The least of the seconds that `run` takes, after one that warms up. */
async function least(run: () => PromiseLike<unknown>, rounds = ROUNDS): Promise<number> {
  await run();
  let best = Number.POSITIVE_INFINITY;
  const began = performance.now();
  for (let i = 0; i < rounds || performance.now() - began < ROUNDS_MS; i++) {
    const start = performance.now();
    await run();
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  return best;
}
