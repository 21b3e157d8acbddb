// A Dask of one scheduler and some workers with one false card each, on this host.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../cluster.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const PYTHONS = [process.env['DIRECTVIEW_TEST_PYTHON'] ?? 'python3', '/usr/bin/python3'];

/** The Python that has that module; undefined: none that is known here. */
export function pythonWith(module: string): string | undefined {
  return PYTHONS.find((python) => spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0);
}

/** The daemons of a Dask. */
export class TestDask {
  readonly python: string;
  /** The file by which clients find the scheduler. */
  readonly schedulerFile: string;
  readonly #dir: string;
  readonly #scheduler: Daemon;
  readonly #workers: readonly Daemon[];

  private constructor(python: string, workers: number) {
    this.python = python;
    this.#dir = mkdtempSync(join(tmpdir(), 'dv-dask-'));
    this.schedulerFile = join(this.#dir, 'scheduler.json');
    this.#scheduler = this.#daemon('scheduler', ['--host', '127.0.0.1', '--port', '0'], process.env);
    this.#workers = Array.from({ length: workers }, (_, i) => this.#worker(i));
  }

  #daemon(kind: string, args: readonly string[], env: NodeJS.ProcessEnv): Daemon {
    const shared = ['--scheduler-file', this.schedulerFile, '--no-dashboard'];
    const argv = [this.python, '-m', `distributed.cli.dask_${kind}`, ...shared, ...args];
    return startDaemon(argv, join(this.#dir, 'log'), env);
  }

  // One process for each card, which it sees alone, as dask-cuda makes them.
  #worker(i: number): Daemon {
    const args = ['--name', `w${i}`, '--nthreads', '2', '--no-nanny', '--resources', 'GPU=1'];
    const place = ['--host', '127.0.0.1', '--local-directory', join(this.#dir, `w${i}`), '--death-timeout', '60'];
    return this.#daemon('worker', [...args, ...place], { ...process.env, CUDA_VISIBLE_DEVICES: String(i) });
  }

  static async open(python: string, workers: number): Promise<TestDask> {
    const dask = new TestDask(python, workers);
    const isComplete = () => dask.log.split('Register worker').length > workers;
    try {
      await until('the workers of Dask', isComplete, 60_000);
    } catch (error) {
      console.log(dask.log);
      await dask.close();
      throw error;
    }
    return dask;
  }

  /** The output of its daemons. */
  get log(): string {
    const path = join(this.#dir, 'log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Kills a worker at once. */
  async killWorker(number: number): Promise<void> {
    await this.#workers[number]?.end('KILL');
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end('KILL')));
    await this.#scheduler.end('KILL');
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
