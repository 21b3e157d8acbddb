// A Slurm of two hosts with two false cards each, for tests: its daemons end with this process, however it ends.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isAlive, until } from '../cluster.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import type { Hosts } from './hosts.ts';

const PROGRAMS = ['slurmctld', 'slurmd', 'srun', 'sbatch', 'munged', 'runuser', 'mknod'];
const KEY = '/etc/munge/munge.key';

/** Why no Slurm can be had here; undefined where it can. */
export function noSlurm(): string | undefined {
  const missing = PROGRAMS.find((program) => spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0);
  if (missing !== undefined) return `${missing} is not installed`;
  return existsSync(KEY) ? undefined : `there is no ${KEY}`;
}

/** The daemons of a Slurm on the first two of these hosts. */
export class TestSlurm {
  /** The path of its configuration: SLURM_CONF for every command. */
  readonly conf: string;
  readonly #dir: string;
  readonly #daemons: ChildProcess[] = [];
  readonly #slurmd = new Map<number, ChildProcess>();

  private constructor(dir: string) {
    this.#dir = dir;
    this.conf = join(dir, 'slurm.conf');
  }

  static async open(hosts: Hosts): Promise<TestSlurm> {
    const dir = mkdtempSync(join(tmpdir(), 'dv-slurm-'));
    chmodSync(dir, 0o755);
    const slurm = new TestSlurm(dir);
    try {
      await slurm.#start(hosts);
      return slurm;
    } catch (error) {
      await slurm.close();
      throw error;
    }
  }

  async #start(hosts: Hosts): Promise<void> {
    const dir = this.#dir;
    for (const name of ['state', 'log', 'spool.lh1', 'spool.lh2', 'dev', 'munge']) mkdirSync(join(dir, name));
    for (const i of [0, 1]) execFileSync('mknod', [join(dir, 'dev', `nvidia${i}`), 'c', '1', '3']);
    writeFileSync(this.conf, configuration(dir));
    writeFileSync(join(dir, 'gres.conf'), `NodeName=lh[1-2] Name=gpu File=${dir}/dev/nvidia[0-1]\n`);
    this.#startMunge();
    await until('munged', () => existsSync(join(dir, 'munge', 'socket')));
    this.#daemon(hosts.command(hosts.host(1), ['slurmctld', '-D', '-c']));
    for (const i of [1, 2]) this.startNode(hosts, i);
    const sinfo = hosts.command(hosts.host(1), ['sinfo', '-h', '-N', '-o', '%T']) as [string, ...string[]];
    const idle = () =>
      this.#ask(sinfo)
        .split('\n')
        .filter((state) => state === 'idle').length === 2;
    await until('two idle hosts', idle, 60_000);
  }

  #ask([program, ...args]: readonly [string, ...string[]]): string {
    return spawnSync(program, args, { encoding: 'utf8', env: this.env, timeout: 5000 }).stdout ?? '';
  }

  #startMunge(): void {
    const dir = join(this.#dir, 'munge');
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'munge'], { encoding: 'utf8' })));
    chownSync(dir, uid as number, gid as number);
    const files = ['socket', 'pid-file', 'log-file', 'seed-file'].map((name) => `--${name}=${join(dir, name)}`);
    this.#daemon(['runuser', '-u', 'munge', '--', 'munged', '--foreground', ...files]);
  }

  // The shell ends the daemon when its input ends, which is when this process does.
  #daemon(argv: readonly string[]): ChildProcess {
    const script = '"$@" & pid=$!; (cat >/dev/null; kill $pid) ; wait $pid';
    const child = spawn('sh', ['-c', script, 'daemon', ...argv], {
      env: this.env,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    for (const handle of [child, child.stdin]) (handle as { unref(): void }).unref();
    this.#daemons.push(child);
    return child;
  }

  /** Variables for its commands. */
  get env(): NodeJS.ProcessEnv {
    return { ...process.env, SLURM_CONF: this.conf };
  }

  /** Starts the daemon of that host, from 1. */
  startNode(hosts: Hosts, number: number): void {
    const argv = hosts.command(hosts.host(number), ['slurmd', '-D', '-N', `lh${number}`]);
    this.#slurmd.set(number, this.#daemon(argv));
  }

  /** The last lines of its daemons, for a test that fails. */
  get log(): string {
    return ['ctld', 'slurmd.lh1', 'slurmd.lh2'].map((name) => tail(join(this.#dir, 'log', name))).join('\n');
  }

  async close(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => end(daemon)));
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** The daemons of a Slurm, for a test that runs on one of its hosts: they are killed, and started again. */
export class SlurmDaemons {
  readonly #hosts: Hosts;
  readonly #dir = dirname(process.env['SLURM_CONF'] ?? '/');
  readonly #started: Daemon[] = [];

  constructor(hosts: Hosts) {
    this.#hosts = hosts;
  }

  /** Ends it in order: it writes its state down. Killed at once it would forget the jobs of the last seconds. */
  stopController(): Promise<void> {
    return this.#end('ctld.pid', 'SIGTERM');
  }

  /** It takes up its state. */
  startController(): void {
    this.#start(1, ['slurmctld', '-D']);
  }

  /** The daemon of that host, from 1: what it has started goes on. */
  killNode(number: number): Promise<void> {
    return this.#end(`slurmd.lh${number}.pid`, 'SIGKILL');
  }

  startNode(number: number): void {
    this.#start(number, ['slurmd', '-D', '-N', `lh${number}`]);
  }

  async #end(file: string, signal: NodeJS.Signals): Promise<void> {
    const pid = Number(readFileSync(join(this.#dir, file), 'utf8'));
    process.kill(pid, signal);
    await until(`the end of ${file}`, () => !isAlive(pid), 30_000);
  }

  #start(number: number, argv: readonly string[]): void {
    const command = this.#hosts.command(this.#hosts.host(number), argv);
    this.#started.push(startDaemon(command, join(this.#dir, 'log', 'again')));
  }

  async close(): Promise<void> {
    await Promise.all(this.#started.map((daemon) => daemon.end('KILL')));
  }
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const exit = once(daemon, 'exit');
  daemon.ref();
  daemon.stdin?.end();
  await exit;
}

function tail(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(-15).join('\n') : '';
}

const configuration = (dir: string): string => `ClusterName=t
SlurmctldHost=lh1(10.77.0.11)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${dir}/munge/socket
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmctldPidFile=${dir}/ctld.pid
SlurmdPidFile=${dir}/slurmd.%n.pid
SlurmdSpoolDir=${dir}/spool.%n
StateSaveLocation=${dir}/state
SlurmctldLogFile=${dir}/log/ctld
SlurmdLogFile=${dir}/log/slurmd.%n
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=5
InactiveLimit=0
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
NodeName=lh[1-2] NodeAddr=10.77.0.1[1-2] CPUs=4 Gres=gpu:2 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`;
