// Other systems beside which bench/overhead runs: plain sockets and memory of this machine, MPI, Ray, and piscina.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Measure } from '../contest.ts';
import { findPython, Peer, PeerMissing, peerEnv, repositoryRoot } from '../peer.ts';
import { median } from '../stats.ts';
import { freshCopy, hasSharedMemory, writeOnceReadAll } from './machine-memory.ts';
import { findPiscina, piscinaRate } from './piscina-rate.ts';
import { unixPing } from './raw-unix.ts';

const execute = promisify(execFile);
const PINGS = 1000;
const RAY_PINGS = 200;
const RAY_TASKS = 2000;
const TASKS = 20_000;

/** Systems by name, each with its measure of one figure. */
type Beside = Readonly<Record<string, Measure>>;
/** The figures of one run of bench/peers/mpi.py: MB/s, and µs for pings. */
type MpiFigures = Readonly<Record<'scatter' | 'gather' | 'push' | 'ping' | 'pings', number>>;

interface Found {
  /** A Python with MPI. */
  readonly mpi: string | undefined;
  readonly ray: Peer | undefined;
  readonly piscina: Awaited<ReturnType<typeof findPiscina>> | undefined;
}

/** The systems that are here. */
export class Others implements AsyncDisposable {
  /** A line for each that is missing: its name and why. */
  readonly skipped: readonly string[];
  readonly #engines: number;
  readonly #mpi: Found['mpi'];
  readonly #ray: Found['ray'];
  readonly #piscina: Found['piscina'];

  private constructor(engines: number, { mpi, ray, piscina }: Found, skipped: readonly string[]) {
    this.#engines = engines;
    this.#mpi = mpi;
    this.#ray = ray;
    this.#piscina = piscina;
    this.skipped = skipped;
  }

  /** Finds out which of them are here, and starts those that live as long as the benchmark. */
  static async find(engines: number): Promise<Others> {
    const skipped: string[] = [];
    const found = async <T>(name: string, find: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await find();
      } catch (error) {
        const { message, code } = error as Error & { code?: unknown };
        if (!(error instanceof PeerMissing) && code === undefined) throw error;
        skipped.push(`SKIPPED ${name}: ${message.split('\n')[0]}`);
        return undefined;
      }
    };
    const mpi = await found('MPI', mpiPython);
    const ray = await found('Ray', () =>
      Peer.start({ script: 'ray_actors.py', args: [String(engines)], modules: ['ray', 'numpy'] }),
    );
    const piscina = await found('piscina', findPiscina);
    if (!hasSharedMemory()) skipped.push('SKIPPED one write to shared memory: there is no /dev/shm');
    return new Others(engines, { mpi, ray, piscina }, skipped);
  }

  /** Round trips to one process, or to as many as there are engines. */
  pings(all: boolean): Beside {
    const peers = all ? this.#engines : 1;
    return {
      'unix socket': async () => median(await unixPing(PINGS, peers)),
      ...this.#besideMpi(all ? 'pings' : 'ping', 4e6),
      ...this.#besideRay({ do: 'latency', n: RAY_PINGS, all }),
    };
  }

  /** No-op tasks a second. */
  tasks(): Beside {
    const found = this.#piscina;
    const piscina: Beside = found === undefined ? {} : { piscina: () => piscinaRate(found, this.#engines, TASKS) };
    return { ...piscina, ...this.#besideRay({ do: 'tasks', n: RAY_TASKS }) };
  }

  /** MB/s of a value of so many bytes. */
  transfer(what: 'scatter' | 'gather' | 'push' | 'other', bytes: number): Beside {
    const copy: Beside = { memcpy: () => freshCopy(bytes) };
    if (what === 'other') return copy;
    if (what !== 'push') return { ...copy, ...this.#besideMpi(what, bytes) };
    const shared: Beside = hasSharedMemory()
      ? { 'one write, all read': () => writeOnceReadAll(bytes, this.#engines) }
      : {};
    return { ...copy, ...shared, ...this.#besideMpi(what, bytes), ...this.#besideRay({ do: 'push', bytes, n: 3 }) };
  }

  #besideRay(request: Parameters<Peer['ask']>[0]): Beside {
    const ray = this.#ray;
    return ray === undefined ? {} : { Ray: () => ray.ask(request) };
  }

  #besideMpi(figure: keyof MpiFigures, bytes: number): Beside {
    const python = this.#mpi;
    return python === undefined ? {} : { MPI: async () => (await mpiRun(python, this.#engines, bytes))[figure] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ray?.[Symbol.asyncDispose]();
  }
}

/** @throws PeerMissing; Error of execFile without mpirun */
async function mpiPython(): Promise<string> {
  const python = await findPython(['mpi4py', 'numpy']);
  await execute('mpirun', ['--version']);
  return python;
}

// A run for each value: idle ranks of MPI look for messages all the time, and would take the processors from the others.
async function mpiRun(python: string, engines: number, bytes: number): Promise<MpiFigures> {
  const script = join(repositoryRoot(), 'bench', 'peers', 'mpi.py');
  const args = ['--allow-run-as-root', '--oversubscribe', '-n', String(engines + 1), python, script, String(bytes)];
  const { stdout } = await execute('mpirun', args, { env: peerEnv(), timeout: 300_000 });
  return JSON.parse(stdout) as MpiFigures;
}
