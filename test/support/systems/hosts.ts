// Hosts for tests: network namespaces of this machine, each with its own address, host name and mounts.
import { type ChildProcess, execFileSync, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The variable by which a test that runs on one of the hosts finds them. */
const VARIABLE = 'DIRECTVIEW_TEST_HOSTS';
const PROGRAMS = ['ip', 'nsenter', 'unshare', 'mount'];

/** One host. Processes find its namespaces by the process that holds them. */
export interface Host {
  readonly name: string;
  readonly address: string;
  readonly holder: number;
}

/** Folders that each host has for itself, empty at first. */
export interface HostOptions {
  readonly own?: readonly string[];
}

/** Why no hosts can be made here; undefined where they can. */
export function noHosts(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces want root';
  const missing = PROGRAMS.find((program) => spawnSync(program, ['--version']).error !== undefined);
  if (missing !== undefined) return `${missing} is not installed`;
  const tried = spawnSync('unshare', ['-n', '-u', '-m', 'ip', 'link', 'add', 'type', 'bridge'], { encoding: 'utf8' });
  return tried.status === 0 ? undefined : `namespaces cannot be made: ${tried.stderr.trim()}`;
}

/**
 * The hosts lh1, lh2, …, at 10.77.0.11, 10.77.0.12, …, on one bridge. Nothing changes outside of their namespaces, which end with
 * this process, however it ends: each is held by a process that reads a pipe from here.
 */
export class Hosts {
  readonly all: readonly Host[];
  readonly #bridge: number;
  readonly #holders: readonly ChildProcess[];

  private constructor(all: readonly Host[], bridge: number, holders: readonly ChildProcess[]) {
    this.all = all;
    this.#bridge = bridge;
    this.#holders = holders;
  }

  /** @throws Error with what the system says */
  static async open(count: number, { own = ['/dev/shm'] }: HostOptions = {}): Promise<Hosts> {
    const names = ['bridge', ...Array.from({ length: count }, (_, i) => `lh${i + 1}`)];
    const holders = await Promise.all(names.map((name) => hold(name, name === 'bridge' ? [] : own)));
    const [bridge, ...others] = holders.map(({ pid }) => pid as number);
    const all = others.map((holder, i) => ({ name: `lh${i + 1}`, address: `10.77.0.1${i + 1}`, holder }));
    const hosts = new Hosts(all, bridge as number, holders);
    hosts.#wire();
    return hosts;
  }

  /** The hosts of the process that started this one on a host; undefined for a process that is on none. */
  static inherited(): Hosts | undefined {
    const text = process.env[VARIABLE];
    if (text === undefined) return undefined;
    const { all, bridge } = JSON.parse(text) as { all: readonly Host[]; bridge: number };
    return new Hosts(all, bridge, []);
  }

  #wire(): void {
    const lines = ['link add br0 type bridge', 'addr add 10.77.0.1/24 dev br0', 'link set br0 up'];
    for (const { name, holder } of this.all)
      lines.push(`link add v-${name} type veth peer name eth0 netns ${holder}`, `link set v-${name} master br0 up`);
    ip(this.#bridge, lines);
    for (const { address, holder } of this.all)
      ip(holder, [`addr add ${address}/24 dev eth0`, 'link set eth0 up', 'link set lo up']);
  }

  /** The host with this number, from 1. */
  host(number: number): Host {
    return this.all[number - 1] as Host;
  }

  /** The command that runs another one on that host, in `/`. */
  command({ holder }: Host, argv: readonly string[]): string[] {
    return ['nsenter', '-t', String(holder), '-n', '-u', '-m', '--', ...argv];
  }

  /** Starts a program on that host. */
  spawn(host: Host, argv: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [program, ...args] = this.command(host, argv) as [string, ...string[]];
    const bridge = this.#bridge;
    const env = { ...(options.env ?? process.env), [VARIABLE]: JSON.stringify({ all: this.all, bridge }) };
    return spawn(program, args, { ...options, env });
  }

  /** Runs a program on that host to its end, and returns what it prints. @throws Error when it fails */
  output(host: Host, argv: readonly string[]): string {
    const [program, ...args] = this.command(host, argv) as [string, ...string[]];
    return execFileSync(program, args, { encoding: 'utf8' });
  }

  /** The processes that run on that host, as `pid command`, without the one that holds it. */
  processes({ holder }: Host): string[] {
    const there = namespaceOf(holder);
    const pids = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && Number(pid) !== holder);
    return pids.filter((pid) => namespaceOf(pid) === there).map((pid) => `${pid} ${commandOf(pid)}`);
  }

  /** From now on nothing reaches that host, and nothing comes from it. */
  cut({ name }: Host): void {
    ip(this.#bridge, [`link set v-${name} down`]);
  }

  /** Ends a cut. */
  heal({ name }: Host): void {
    ip(this.#bridge, [`link set v-${name} up`]);
  }

  /** Removes the hosts. Processes that still run there keep theirs. */
  async close(): Promise<void> {
    await Promise.all(
      this.#holders.map(async (holder) => {
        const exit = once(holder, 'exit');
        holder.ref();
        holder.stdin?.end();
        await exit;
      }),
    );
  }
}

/** Runs this test file again, on a host, and ends with its exit code. */
export async function runOn(hosts: Hosts, host: Host): Promise<void> {
  const child = hosts.spawn(host, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}

function namespaceOf(pid: number | string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined; // it has ended
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

async function hold(name: string, own: readonly string[]): Promise<ChildProcess> {
  const mounts = own.filter(existsSync).map((folder) => `mount -t tmpfs -o mode=1777 none '${folder}' && `);
  const script = `hostname ${name} && ${mounts.join('')}echo ready && exec cat`;
  const holder = spawn('unshare', ['-n', '-u', '-m', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [text] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
  if (String(text) !== 'ready\n') throw new Error(`host ${name} cannot be made`);
  // Its end is the end of this process, not the other way round.
  for (const handle of [holder, holder.stdin, holder.stdout]) (handle as { unref(): void }).unref();
  return holder;
}

function ip(holder: number, lines: readonly string[]): void {
  execFileSync('nsenter', ['-t', String(holder), '-n', 'ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
}
