// Clusters that are attacked: in processes of their own, so that memory is that of the controller and the engine alone.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as netConnect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import { loadClusterFile } from '../../../src/client/links/cluster-file.ts';
import { loadEngineFile } from '../../../src/cluster/files/engine-file.ts';
import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import type { SocketRole, Transport } from '../../../src/comm/transport.ts';
import { Credentials, SOCKETS } from '../../../src/comm/zeromq/credentials.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import { Speaker } from './speaker.ts';

export const DIST = fileURLToPath(new URL('../../../', import.meta.url));
export const MIB = 2 ** 20;
/** The most that a process may grow by while peers attack that nobody has let in. */
export const LIMIT = 32 * MIB;
/** Every socket that a cluster listens at. */
export const ROLES = Object.keys(SOCKETS) as readonly SocketRole[];

/** One cluster with one engine, and an honest client. */
export class Target {
  readonly rc: Client;
  /** Its cluster file. */
  readonly file: string;
  readonly #host: ChildProcess;
  readonly #runDir: string;
  #uuid: string;

  private constructor(rc: Client, file: string, host: ChildProcess) {
    this.rc = rc;
    this.file = file;
    this.#host = host;
    this.#runDir = loadClusterFile(file).runDir;
    this.#uuid = this.record.uuid;
  }

  static async start(home: string, name: string, options: object): Promise<Target> {
    const script = join(home, `${name}.mjs`);
    writeFileSync(
      script,
      `import { Cluster } from '${DIST}src/index.js';
const cluster = await Cluster.start(${JSON.stringify({ engines: 1, device: 'cpu', name, ...options })});
process.stdin.on('end', () => cluster.stop()).resume();
console.log('ready');`,
    );
    const host = spawn(process.execPath, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(host.stdout, 'data');
    return new Target(await Client.connect(name), join(home, `${name}.json`), host);
  }

  get record(): EngineRecord {
    return this.rc.engine(0) as EngineRecord;
  }

  /** The processes of the controller and the engine. */
  get pids(): readonly number[] {
    return [this.#host.pid as number, this.record.pid];
  }

  endpoint(socket: SocketRole): string {
    if (socket === 'roster') return loadClusterFile(this.file).controller;
    return socket === 'registry' ? loadEngineFile(this.#runDir).registry : this.record[socket];
  }

  /** The keys of a party, where the cluster has keys. */
  keys(party: 'client' | 'engine'): Credentials | undefined {
    if (party === 'client') return loadClusterFile(this.file).credentials as Credentials | undefined;
    const { credentials } = loadEngineFile(this.#runDir);
    return credentials && new Credentials(credentials as never);
  }

  /** Links with the keys of the party that may connect to this socket. */
  transport(socket: SocketRole): Transport {
    const party = SOCKETS[socket].admits.includes('client') ? 'client' : 'engine';
    return clusterTransport({ credentials: this.keys(party) });
  }

  /** The settings of a bare DEALER that this socket admits. */
  dealerKeys(socket: SocketRole): object {
    const party = SOCKETS[socket].admits.includes('client') ? 'client' : 'engine';
    return this.keys(party)?.clientSettings(socket) ?? {};
  }

  speak(socket: SocketRole, transport = this.transport(socket)): Speaker {
    return new Speaker(this.endpoint(socket), socket, transport);
  }

  /** A connection past the link protocol. */
  raw(socket: SocketRole): Socket {
    const endpoint = this.endpoint(socket);
    const where = endpoint.startsWith('tcp://')
      ? netConnect(Number(endpoint.split(':').at(-1)), '127.0.0.1')
      : netConnect(endpoint.replace('unix://', ''));
    // Without a reader its end would not be seen.
    return where.on('error', () => {}).resume();
  }

  /** Calls are answered, by the same engine, and a new client gets in. */
  async serves(): Promise<void> {
    assert.is(await this.rc.view(0).apply((x: number) => x + 1, 1), 2);
    assert.is((await this.rc.status()).size, 1);
    await using late = await Client.connect(this.file);
    assert.is(
      await late
        .view(0)
        .apply(() => ({}) as { polluted?: unknown })
        .then((object) => object.polluted),
      undefined,
    );
    assert.is(late.engine(0)?.uuid, this.#uuid, 'it is the same engine');
    assert.equal(late.ids, [0]);
  }

  /** How much each process grows by while that happens, at most. */
  async growth(run: (measure: () => void) => Promise<void>): Promise<number> {
    const before = this.pids.map(resident);
    let most = 0;
    const measure = () =>
      this.pids.forEach((pid, i) => {
        most = Math.max(most, resident(pid) - (before[i] as number));
      });
    await run(measure);
    measure();
    return most;
  }

  /** A row has cost it its engine, as it should: from now on another one is expected. */
  renewed(): void {
    this.#uuid = this.record.uuid;
  }

  async stop(): Promise<void> {
    await this.rc.close();
    this.#host.stdin?.end();
    if (this.#host.exitCode === null) await once(this.#host, 'exit');
  }
}

function resident(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

const OPTIONS = { tcp: { transport: 'zeromq' }, unix: {} } as const;
let home: string | undefined;
const targets = new Map<keyof typeof OPTIONS, Promise<Target>>();

/** A folder for the files of the rows; goes with the targets. */
export function folder(): string {
  home ??= mkdtempSync(join(tmpdir(), 'dv-hostile-'));
  process.env['DIRECTVIEW_HOME'] = home;
  return home;
}

/** The cluster over this transport: started once, and warm. */
export function target(kind: keyof typeof OPTIONS): Promise<Target> {
  const known = targets.get(kind) ?? warm(Target.start(folder(), `target-${kind}`, OPTIONS[kind]));
  targets.set(kind, known);
  return known;
}

async function warm(starting: Promise<Target>): Promise<Target> {
  const started = await starting;
  for (let n = 0; n < 300; n++) await started.rc.view(0).apply(() => 1);
  return started;
}

/** The clusters of both transports: zeromq's tcp with keys, and Unix sockets. */
export function all(): Promise<Target[]> {
  return Promise.all([target('tcp'), target('unix')]);
}

/** Ends all of them. */
export async function stopTargets(): Promise<void> {
  await Promise.all([...targets.values()].map(async (one) => (await one).stop()));
  targets.clear();
  if (home !== undefined) rmSync(home, { recursive: true, force: true });
  home = undefined;
}
