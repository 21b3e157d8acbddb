import type { Client } from 'directview';
import { hasSharedMemory, writeOnceReadAll } from './beside/machine-memory.ts';
import { contest, type Figure, type Measure } from './contest.ts';
import { timed } from './stats.ts';

/**
 * Milliseconds of pushing one value to all engines at once. Beside it: a push to one engine, from engine to engine, and what the
 * copies alone cost on this machine: one write to shared memory that as many processes, or one, read.
 */
export async function pushToMany(rc: Client, bytes: number, rounds: number): Promise<Figure> {
  const data = new Float32Array(bytes / 4).fill(1.5);
  const [all, one, chain] = [rc.view('all'), rc.view(0), rc.broadcast()];
  const ways = {
    'push to 1': () => timed(() => one.push({ data })),
    broadcast: () => timed(() => chain.push({ data })),
  };
  // The first of each warms up.
  await all.push({ data });
  for (const way of Object.values(ways)) await way();
  const name = `push ${bytes / 1e6} MB to ${rc.length}`;
  const ours = () => timed(() => all.push({ data }));
  const beside = { ...ways, ...copies(bytes, rc.length) };
  const figure = await contest({ name, unit: 'ms', rounds }, { ours, beside });
  await all.clear(['data']);
  return figure;
}

function copies(bytes: number, readers: number): Record<string, Measure> {
  if (!hasSharedMemory()) return {};
  const ms = async (n: number) => bytes / 1000 / (await writeOnceReadAll(bytes, n));
  return { [`one write, ${readers} read`]: () => ms(readers), 'one write, 1 reads': () => ms(1) };
}
