import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { timed } from '../stats.ts';

const WORKER = fileURLToPath(new URL('./piscina-noop.js', import.meta.url));

/** No-op tasks a second of piscina with so many threads of this process, all in flight. They share memory with their caller. */
export async function piscinaRate(threads: number, tasks: number): Promise<number> {
  const pool = new Piscina({ filename: WORKER, name: 'noop', minThreads: threads, maxThreads: threads });
  const all = (n: number) => Promise.all(Array.from({ length: n }, () => pool.run(undefined)));
  try {
    await all(tasks / 10);
    return tasks / ((await timed(() => all(tasks))) / 1000);
  } finally {
    await pool.destroy();
  }
}
