import { fileURLToPath } from 'node:url';
import { timed } from '../stats.ts';

const WORKER = fileURLToPath(new URL('./piscina-noop.js', import.meta.url));
const PACKAGE: string = 'piscina';

interface Pool {
  run(task: undefined): Promise<unknown>;
  destroy(): Promise<void>;
}

/** As much of piscina as is used: it is a development dependency, and a checkout without it is no less complete. */
interface PiscinaPackage {
  readonly Piscina: new (options: {
    readonly filename: string;
    readonly name: string;
    readonly minThreads: number;
    readonly maxThreads: number;
  }) => Pool;
}

/** @throws Error with a code where it is not installed */
export async function findPiscina(): Promise<PiscinaPackage> {
  return (await import(PACKAGE)) as PiscinaPackage;
}

/** No-op tasks a second of piscina with so many threads of this process, all in flight. They share memory with their caller. */
export async function piscinaRate({ Piscina }: PiscinaPackage, threads: number, tasks: number): Promise<number> {
  const pool = new Piscina({ filename: WORKER, name: 'noop', minThreads: threads, maxThreads: threads });
  const all = (n: number) => Promise.all(Array.from({ length: n }, () => pool.run(undefined)));
  try {
    await all(tasks / 10);
    return tasks / ((await timed(() => all(tasks))) / 1000);
  } finally {
    await pool.destroy();
  }
}
