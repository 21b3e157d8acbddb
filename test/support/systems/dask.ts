// A Dask of one scheduler and some workers with one false card each, on this host or on some.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../cluster.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import type { Host, Hosts } from './hosts.ts';

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
  readonly #hosts: Hosts | undefined;
  readonly #scheduler: Daemon;
  readonly #workers: Daemon[];

  private constructor(python: string, workers: number, hosts: Hosts | undefined) {
    this.python = python;
    this.#hosts = hosts;
    this.#dir = mkdtempSync(join(tmpdir(), 'dv-dask-'));
    this.schedulerFile = join(this.#dir, 'scheduler.json');
    const home = this.#host(0);
    this.#scheduler = this.#daemon('scheduler', ['--host', addressOf(home), '--port', '0'], process.env, home);
    this.#workers = Array.from({ length: workers }, (_, i) => this.#worker(i));
  }

  /** That of the worker with this number, from 0; undefined: this one. The scheduler is on the first one. */
  #host(number: number): Host | undefined {
    return this.#hosts?.host(number + 1);
  }

  #daemon(kind: string, args: readonly string[], env: NodeJS.ProcessEnv, host: Host | undefined): Daemon {
    const shared = ['--scheduler-file', this.schedulerFile, '--no-dashboard'];
    const argv = [this.python, '-m', `distributed.cli.dask_${kind}`, ...shared, ...args];
    const command = host === undefined ? argv : (this.#hosts as Hosts).command(host, argv);
    return startDaemon(command, join(this.#dir, 'log'), env);
  }

  // One process for each card, which it sees alone, as dask-cuda makes them.
  #worker(i: number): Daemon {
    const host = this.#host(i);
    const args = ['--name', `w${i}`, '--nthreads', '2', '--no-nanny', '--resources', 'GPU=1'];
    const place = ['--host', addressOf(host), '--local-directory', join(this.#dir, `w${i}`), '--death-timeout', '60'];
    return this.#daemon('worker', [...args, ...place], { ...process.env, CUDA_VISIBLE_DEVICES: String(i) }, host);
  }

  /** With `hosts` each worker is on a host of its own. */
  static async open(python: string, workers: number, hosts?: Hosts): Promise<TestDask> {
    const dask = new TestDask(python, workers, hosts);
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

  /** How many tasks its scheduler knows. */
  tasks(): number {
    const program = [
      'import sys; from distributed import Client',
      'client = Client(scheduler_file=sys.argv[1], set_as_default=False)',
      'print(client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))',
    ];
    const argv = ['-c', program.join('\n'), this.schedulerFile];
    return Number(execFileSync(this.python, argv, { encoding: 'utf8', timeout: 60_000 }));
  }

  /** Kills a worker at once. */
  async killWorker(number: number): Promise<void> {
    await this.#workers[number]?.end('KILL');
  }

  /** Starts another worker in the place of one that was killed. */
  async startWorker(number: number): Promise<void> {
    const known = this.log.split('Register worker').length;
    this.#workers[number] = this.#worker(number);
    await until('the worker of Dask', () => this.log.split('Register worker').length > known, 60_000);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end('KILL')));
    await this.#scheduler.end('KILL');
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

const addressOf = (host: Host | undefined): string => host?.address ?? '127.0.0.1';
