// Damaged messages and packets into every socket that listens, while an honest client works.
import * as assert from 'uvu/assert';
import { Dealer } from 'zeromq';
import type { Client } from '../../../src/client/client.ts';
import { loadClusterFile } from '../../../src/client/links/cluster-file.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { loadEngineFile } from '../../../src/cluster/files/engine-file.ts';
import { Batch } from '../../../src/comm/batch.ts';
import { COUNTED, DATA } from '../../../src/comm/packet.ts';
import type { Link, Parts, SocketRole, Transport } from '../../../src/comm/transport.ts';
import { Credentials, SOCKETS } from '../../../src/comm/zeromq/credentials.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { encodeBody } from '../../../src/protocol/codec.ts';
import { encodeMessage } from '../../../src/protocol/header-codec.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import type { Header } from '../../../src/protocol/messages.ts';
import { until } from '../cluster.ts';
import { live } from '../faults/held.ts';
import { mutate, mutateFields } from './mutate.ts';
import { Dice } from './random.ts';

export interface FuzzOptions {
  readonly inputs: number;
  readonly seed: number;
}

export interface FuzzOutcome {
  readonly inputs: number;
  /** Inputs for each socket. */
  readonly sockets: Readonly<Record<string, number>>;
  /** Calls of the honest client meanwhile. */
  readonly honest: number;
  /** MiB that the engine and this process, with the controller, have grown by. */
  readonly grown: Memory;
  /**
   * MiB of live memory that came since a tenth of the inputs was sent. Not counted: results and mail, which an engine keeps
   * for those who ask later, within bounds.
   */
  readonly leaked: Memory;
}

interface Memory {
  readonly engine: number;
  readonly controller: number;
}

/** A socket, and good messages for it. */
interface Target {
  readonly name: SocketRole;
  readonly endpoint: string;
  readonly corpus: readonly Parts[];
}

const message = (header: Header, body?: unknown): Parts =>
  encodeMessage(header, body === undefined ? [] : encodeBody(body));

function targets(
  { uuid, device, tasks, control, peers }: EngineRecord,
  controller: string,
  registry: string,
): Target[] {
  const task = { type: 'task', id: 'fuzz:1', to: uuid, method: 'apply', label: 'apply' } as const;
  const ask = { id: 1, to: uuid };
  const relay = { type: 'relay', key: 'fuzz.1', chain: [], sizes: [10], part: 0, offset: 0 } as const;
  const unnumbered = {
    uuid: 'fuzz',
    pid: 1,
    host: 'h',
    tasks: 'unix:///t',
    control: 'unix:///c',
    peers: 'unix:///p',
    device,
  };
  return [
    {
      name: 'tasks',
      endpoint: tasks,
      corpus: [
        message(task, { fn: (x: number) => x + 1, args: [1] }),
        message({ ...task, id: 'fuzz:2', method: 'push', label: 'push' }, { fuzzed: new Float32Array(40) }),
        message({ ...task, id: 'fuzz:3', method: 'pull', label: 'pull' }, { names: 'fuzzed' }),
        message({ ...task, id: 'fuzz:4', method: 'execute', label: 'execute' }, { code: 'fuzzed2 = 1', silent: true }),
        message({ type: 'fetch', id: 'fuzz:1' }),
        message({ type: 'body', id: 'fuzz:1' }, [1]),
        encodeMessage(relay, [Buffer.alloc(10)]),
      ],
    },
    {
      name: 'control',
      endpoint: control,
      corpus: [
        message({ ...ask, type: 'ping' }),
        message({ ...ask, type: 'status' }),
        message({ ...ask, type: 'abort', ids: ['fuzz:1', 'fuzz:9'] }),
        message({ ...ask, type: 'interrupt', ids: ['fuzz:8'], grace: 500 }),
        message({ ...ask, type: 'purge', ids: ['fuzz:1'] }),
      ],
    },
    {
      name: 'peers',
      endpoint: peers,
      corpus: [message({ type: 'mail', from: 1, tag: 'u:fuzz' }, [1, 2]), encodeMessage(relay, [Buffer.alloc(10)])],
    },
    {
      name: 'roster',
      endpoint: controller,
      corpus: [
        message({ type: 'hello', client: 'fuzz' }),
        message({ type: 'cluster', request: 1, verb: { do: 'shutdown', ids: [77] } }),
      ],
    },
    {
      name: 'registry',
      endpoint: registry,
      corpus: [
        message({ type: 'heartbeat', uuid: 'fuzz' }),
        message({ type: 'unregister', uuid: 'fuzz' }),
        message({ type: 'register', engine: unnumbered }),
      ],
    },
  ];
}

/** Packets of the link protocol: a small message, and a large one in a chunk. */
function packets(parts: Parts): Uint8Array[][] {
  const small = new Batch(256);
  small.message(
    parts,
    parts.reduce((sum, part) => sum + part.byteLength, 0),
  );
  const large = new Batch(256);
  large.start(0, 1, 100);
  large.chunk({ transfer: 0, part: 0, partBytes: 100, offset: 0, bytes: 50 });
  return [[small.seal(COUNTED, 0, 0)], [large.seal(COUNTED | DATA, 0, 0), Buffer.alloc(50)]];
}

/** The share of messages before which a link is closed and another one opened. */
const RENEWED = 0.02;

/** The keys of the parties that may connect. */
type Keys = Readonly<Record<'client' | 'engine', Credentials>>;

/** Sends damaged inputs to one socket, by a link and past it. */
class Attacker {
  readonly #target: Target;
  readonly #dice: Dice;
  readonly #transport: Transport;
  readonly #dealer: Dealer;
  #link: Link | undefined;
  sent = 0;

  constructor(target: Target, seed: number, keys: Keys) {
    this.#target = target;
    this.#dice = new Dice(seed);
    const credentials = keys[SOCKETS[target.name].admits.includes('client') ? 'client' : 'engine'];
    this.#transport = zeromqTransport({ credentials });
    this.#dealer = new Dealer({ linger: 0, sendTimeout: 5000, ...credentials.clientSettings(target.name) });
    this.#dealer.connect(target.endpoint);
    // It answers: nobody would read it, and its pipe would fill.
    void this.#drain();
  }

  async #drain(): Promise<void> {
    try {
      for (;;) await this.#dealer.receive();
    } catch {
      // Closed.
    }
  }

  async send(): Promise<void> {
    this.sent++;
    const parts = this.#dice.pick(this.#target.corpus);
    const way = this.#dice.next();
    if (way < 0.3) await this.#dealer.send(mutate(this.#dice.pick(packets(parts)), this.#dice));
    else if (way < 0.6) this.#post(mutate(parts, this.#dice));
    else this.#post(mutateFields(parts, this.#dice));
  }

  #post(parts: Parts): void {
    if (this.#dice.next() < RENEWED) this.#renew();
    void this.#open()
      .send(parts)
      .catch(() => {});
  }

  // A registry takes one engine over one link.
  #renew(): void {
    void this.#link?.close();
    this.#link = undefined;
  }

  #open(): Link {
    const handlers = {
      onMessage: () => {},
      onDown: (link: Link) => {
        if (link === this.#link) this.#link = undefined;
      },
    };
    this.#link ??= this.#transport.connect(this.#target.endpoint, handlers, this.#target.name);
    return this.#link;
  }

  async close(): Promise<void> {
    this.#dealer.close();
    await this.#link?.close();
  }
}

/** MiB by which the live memory of a process may have grown. */
export const MOST_LEAKED = 4;

/** Inputs between two honest calls. */
const ROUND = 100;

async function honestly(rc: Client, n: number): Promise<void> {
  assert.is(await rc.view(0).apply((x: number) => 2 * x, n), 2 * n);
  assert.ok((await rc.status(0)).has(0));
}

/** `inputs` damaged inputs, shared out to all sockets. Fails when an honest call fails, or the engine is another one. */
export async function fuzz(options: FuzzOptions): Promise<FuzzOutcome> {
  const cluster = await Cluster.start({ engines: 1, device: 'cpu', transport: 'zeromq' });
  try {
    const rc = await cluster.connect();
    await honestly(rc, 1);
    const engine = rc.engine(0) as EngineRecord;
    const info = loadClusterFile(cluster.file);
    const { registry, credentials } = loadEngineFile(info.runDir);
    const keys = { client: info.credentials, engine: new Credentials(credentials as never) } as Keys;
    const outcome = await attack(rc, targets(engine, info.controller, registry), keys, options);
    // Damaged registrations are registrations all the same, until their links end or nobody answers pings for 15 s.
    await until('strangers to leave the roster', () => rc.ids.join() === '0', 60_000);
    await honestly(rc, 7);
    assert.is(rc.engine(0)?.uuid, engine.uuid, 'it is the same engine');
    assert.is(({} as { polluted?: unknown }).polluted, undefined);
    return outcome;
  } finally {
    await cluster.stop();
  }
}

/** Bytes. */
async function liveMemory(rc: Client): Promise<Memory> {
  const e0 = rc.view(0);
  const { mail, results } = await e0.memory();
  return { engine: (await e0.apply(live)) - mail - results, controller: live() };
}

async function resident(rc: Client): Promise<Memory> {
  return { engine: (await rc.status(0)).get(0)?.rss ?? 0, controller: process.memoryUsage().rss };
}

function growth(before: Memory, after: Memory): Memory {
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  return { engine: mib(after.engine - before.engine), controller: mib(after.controller - before.controller) };
}

async function attack(
  rc: Client,
  all: readonly Target[],
  keys: Keys,
  { inputs, seed }: FuzzOptions,
): Promise<FuzzOutcome> {
  const attackers = all.map((target, n) => new Attacker(target, seed + n, keys));
  const before = await resident(rc);
  let early = await liveMemory(rc);
  let honest = 0;
  for (let sent = 0; sent < inputs; honest++) {
    for (let n = 0; n < ROUND && sent < inputs; n++, sent++) await attackers[sent % attackers.length]?.send();
    await honestly(rc, honest);
    if (sent <= inputs / 10) early = await liveMemory(rc);
  }
  const [grown, leaked] = [growth(before, await resident(rc)), growth(early, await liveMemory(rc))];
  await Promise.all(attackers.map((attacker) => attacker.close()));
  const sockets = Object.fromEntries(all.map(({ name }, n) => [name, attackers[n]?.sent ?? 0]));
  return { inputs, sockets, honest, grown, leaked };
}
