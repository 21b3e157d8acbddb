import type { DirectView } from '../../src/client/direct-view.ts';
import { type Rated, type Seen, type Use, usesOf } from './uses.ts';

declare const tf: typeof import('@tensorflow/tfjs');

interface Tensorish {
  readonly dtype: string;
  readonly shape: readonly number[];
  data(): Promise<ArrayLike<number | string>>;
}

// Runs on an engine: by its source text.
async function run(code: string): Promise<Seen> {
  // Kernels that a backend lacks ask for the cpu backend when they run.
  const engine = tf.engine() as unknown as { findBackend(name: string): unknown };
  const { findBackend } = engine;
  let onCpu = false;
  engine.findBackend = (name) => {
    onCpu ||= name === 'cpu';
    return findBackend.call(engine, name);
  };
  const read = async (value: unknown): Promise<unknown> => {
    if (typeof value !== 'object' || value === null) return value;
    const { dtype, data } = value as Partial<Tensorish>;
    if (typeof data === 'function' && dtype !== 'complex64') {
      return [(value as Tensorish).shape, Array.from(await (value as Tensorish).data())];
    }
    if (dtype !== undefined) return read([tf.real(value as never), tf.imag(value as never)]);
    return Promise.all(Object.values(value).map(read));
  };
  try {
    const AsyncFunction = Object.getPrototypeOf(run).constructor as new (
      ...text: string[]
    ) => (library: unknown) => Promise<unknown>;
    const value = await new AsyncFunction('tf', code)(tf);
    return { value: await read(value), onCpu };
  } catch (error) {
    return { error: String((error as Error)?.message ?? error), onCpu };
  } finally {
    engine.findBackend = findBackend;
  }
}

/** How one engine computes each use. */
export async function seenBy(view: DirectView<'one'>): Promise<Map<Use, Seen>> {
  const found = new Map<Use, Seen>();
  for (const use of usesOf()) found.set(use, await view.apply(run, use.code));
  return found;
}

/** Rates what an engine computed, by what the cpu context did. Gradients that cpu does not have do not exist. */
export function rated(seen: ReadonlyMap<Use, Seen>, reference: ReadonlyMap<Use, Seen>): Map<string, Rated> {
  const byName = new Map([...reference].map(([use, value]) => [use.name, value]));
  const ratings = new Map<string, Rated>();
  for (const [{ name, isGradient }, one] of seen) {
    const right = byName.get(name);
    if (isGradient && right?.error !== undefined) continue;
    ratings.set(name, ratingOf(one, right));
  }
  return ratings;
}

function ratingOf(one: Seen, right: Seen | undefined): Rated {
  if (one.error !== undefined) return /does not exist on the \w+ backend/.test(one.error) ? 'absent' : 'fails';
  if (right?.error !== undefined || !isClose(one.value, right?.value)) return 'wrong';
  return one.onCpu ? 'on cpu' : 'ok';
}

function isClose(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((x, i) => isClose(x, b[i]));
  if (typeof a !== 'number' || typeof b !== 'number') return a === b;
  return Object.is(a, b) || a === b || Math.abs(a - b) <= 2e-3 * Math.max(1, Math.abs(b));
}
