import { type Client, type DirectView, type EngineMemory, pdot, ref, Tensor } from 'directview';
import { median, timed } from './stats.ts';

/** Milliseconds of the steps of a product, one after the other. A pdot overlaps them. */
export interface Steps {
  /** B to every engine, and rows of A to each. */
  readonly send: number;
  readonly multiply: number;
  /** Rows of C to the client. */
  readonly gather: number;
}

/** Bytes that one product moves, summed over the engines, which count them. */
export interface Copies {
  /** From the client to engines, and back. */
  readonly received: number;
  readonly returned: number;
  /** Between host and device, and copied within host memory on the way; undefined where the device is the host. */
  readonly uploaded?: number | undefined;
  readonly readBack?: number | undefined;
  readonly copied?: number | undefined;
}

/** A square matrix of random numbers from −0.5 to 0.5. */
export function randomMatrix(n: number): Tensor {
  return new Tensor(
    'float32',
    [n, n],
    Float32Array.from({ length: n * n }, () => Math.random() - 0.5),
  );
}

/** The operands, and the vector of `multiplied`, on the engines. */
async function sendAll(view: DirectView, a: Tensor, b: Tensor): Promise<void> {
  const ones = new Tensor('float32', [b.shape[1] as number]);
  ones.data.fill(1);
  await Promise.all([view.push({ B: b, ONES: ones }), view.scatter('A', a)]);
}

/**
 * C = A · B, which stays, and then C times a vector, which comes back: a card takes work and computes later, so that only a
 * value of C shows that it is done.
 */
async function multiplied(view: DirectView): Promise<void> {
  await pdot(view, ref('A'), ref('B'), { into: 'C' });
  await pdot(view, ref('C'), ref('ONES'));
}

/** Each step by itself. */
export async function stepsOf(view: DirectView, a: Tensor, b: Tensor): Promise<Steps> {
  const send = await timed(() => sendAll(view, a, b));
  const multiply = await timed(() => multiplied(view));
  const gather = await timed(() => view.gather('C'));
  return { send, multiply, gather };
}

/** A product of operands on the engines, whose result stays, as `multiplied`: what an iteration costs. The first warms up. */
export async function residentTime(view: DirectView, a: Tensor, b: Tensor, rounds: number): Promise<number> {
  await sendAll(view, a, b);
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) times.push(await timed(() => multiplied(view)));
  return median(times.slice(1));
}

/** The sums of what the engines have counted so far: tasks labelled `pdot`, and their devices. */
async function countedBy(rc: Client): Promise<Copies> {
  const [statuses, memories] = [await rc.status(), [await rc.view(':').memory()].flat()];
  const labels = [...statuses.values()].map(({ labels }) => labels?.find(({ label }) => label === 'pdot'));
  const moved = memories.flatMap((memory: EngineMemory) => memory.moved ?? []);
  const sum = (values: readonly (number | undefined)[]) => values.reduce<number>((total, one) => total + (one ?? 0), 0);
  const onDevice = (key: 'uploaded' | 'readBack' | 'copied') =>
    moved.length === 0 ? undefined : sum(moved.map((one) => one[key]));
  return {
    received: sum(labels.map((one) => one?.bytesIn)),
    returned: sum(labels.map((one) => one?.bytesOut)),
    uploaded: onDevice('uploaded'),
    readBack: onDevice('readBack'),
    copied: onDevice('copied'),
  };
}

/** The counts, in the order of tables. */
export const COUNTS = ['received', 'returned', 'uploaded', 'readBack', 'copied'] as const;

/** The bytes that one whole product moves on all engines. */
export async function copiesOf(rc: Client, a: Tensor, b: Tensor): Promise<Copies> {
  const before = await countedBy(rc);
  await pdot(rc.view(':'), a, b);
  const after = await countedBy(rc);
  const since = (key: (typeof COUNTS)[number]) =>
    after[key] === undefined ? undefined : after[key] - (before[key] ?? 0);
  return Object.fromEntries(COUNTS.map((key) => [key, since(key)])) as Record<keyof Copies, number>;
}

/** The medians of the rounds. */
export function medians(rounds: readonly Steps[]): Steps {
  const of = (step: keyof Steps) => median(rounds.map((one) => one[step]));
  return { send: of('send'), multiply: of('multiply'), gather: of('gather') };
}
