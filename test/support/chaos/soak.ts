// Mixed operations while engines are killed and stopped and links are cut and narrowed, all by one seed; the history of the
// operations is checked in the end.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import { ChaosTransport } from './chaos-proxy.ts';
import { EngineKiller } from './engine-killer.ts';
import { History, type Verdict } from './history.ts';
import { Dice } from './random.ts';
import { MARKED, Workload } from './workload.ts';

export interface SoakOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly engines: number;
  /** Is told now and then how far it is. */
  readonly progress?: (line: string) => void;
}

/** How a soak ended. */
export interface SoakOutcome extends Verdict {
  readonly faults: number;
  /** How often each kind of fault was made. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly unhandled: number;
  /** Growth of this process's resident memory in its second half, MiB a minute. */
  readonly slope: number;
}

const VITALS = { interval: 500, suspect: 1500, dead: 4000 };
/** Mean milliseconds between two faults, at most. */
const MEAN_MS = 5000;
const WORKERS = 4;
/** Milliseconds in which every operation must end after the last fault. */
const PATIENCE_MS = 60_000;

interface Ground {
  readonly cluster: Cluster;
  readonly rc: Client;
  readonly transport: ChaosTransport;
  readonly killer: EngineKiller;
  readonly dice: Dice;
}

/** Runs for so many seconds, then waits for what is under way. Even seeds take zeromq's sockets, odd ones Unix sockets. */
export async function soak(options: SoakOptions): Promise<SoakOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'dv-soak-'));
  const transport = options.seed % 2 === 0 ? 'zeromq' : 'unix';
  const cluster = await Cluster.start({ device: 'cpu', engines: options.engines, vitals: VITALS, transport });
  const weather = new ChaosTransport(clusterTransport({ credentials: cluster.info.credentials }));
  try {
    const killer = new EngineKiller();
    const rc = await cluster.connect({ transport: weather, onEvent: killer.onEvent });
    killer.serve(rc);
    return await run(
      options,
      { cluster, rc, transport: weather, killer, dice: new Dice(options.seed) },
      join(folder, 'ran'),
    );
  } finally {
    await cluster.stop();
    await weather.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function run({ seconds, seed, progress }: SoakOptions, ground: Ground, log: string): Promise<SoakOutcome> {
  const history = new History();
  const unhandled = new Counter('unhandledRejection');
  const memory: number[] = [];
  const end = performance.now() + 1000 * seconds;
  const isOver = () => performance.now() > end;
  const workload = new Workload({ rc: ground.rc, history, log, seed });
  const working = Array.from({ length: WORKERS }, (_, n) => workload.run(n, isOver));
  const storm = new Storm(ground, Math.min(MEAN_MS, (1000 * seconds) / 12));
  const sampler = setInterval(() => {
    memory.push(process.memoryUsage().rss / 2 ** 20);
    if (memory.length % 30 === 0) progress?.(`${memory.length} s: ${storm.count} faults, ${history.open} open`);
  }, 1000);
  await storm.run(isOver);
  await Promise.race([Promise.all(working), sleep(PATIENCE_MS, undefined, { ref: false })]);
  clearInterval(sampler);
  unhandled.close();
  const verdict = history.verdict(runsOf(log), MARKED);
  return { ...verdict, faults: storm.count, kinds: storm.kinds, unhandled: unhandled.count, slope: slopeOf(memory) };
}

class Counter {
  count = 0;
  readonly #event: 'unhandledRejection';
  readonly #listener = () => this.count++;

  constructor(event: 'unhandledRejection') {
    this.#event = event;
    process.on(event, this.#listener);
  }

  close(): void {
    process.off(this.#event, this.#listener);
  }
}

/** Makes one fault after the other, and mends each. */
class Storm {
  readonly #ground: Ground;
  readonly #mean: number;
  readonly kinds: Record<string, number> = {};

  constructor(ground: Ground, mean: number) {
    this.#ground = ground;
    this.#mean = mean;
  }

  get count(): number {
    return Object.values(this.kinds).reduce((a, b) => a + b, 0);
  }

  async run(isOver: () => boolean): Promise<void> {
    const { dice } = this.#ground;
    const kinds = ['kill', 'stop', 'freeze', 'cut', 'block', 'narrow', 'delay', 'cut amid'] as const;
    while (!isOver()) {
      await sleep(Math.min(3 * this.#mean, -this.#mean * Math.log(1 - dice.next())));
      const id = dice.pick(this.#ground.rc.ids);
      if (id === undefined || isOver()) continue;
      const kind = dice.pick(kinds);
      this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
      await this.#make(kind, id);
    }
  }

  async #make(kind: string, id: number): Promise<void> {
    if (kind === 'kill') await this.#kill(id);
    else if (kind === 'stop' || kind === 'freeze') await this.#stop(id, kind === 'freeze');
    else await this.#weather(kind, id);
  }

  async #kill(id: number): Promise<void> {
    await this.#ground.killer.kill(id);
    await this.#ground.cluster.restart(id);
  }

  /** Stops an engine for a while, or until it counts as dead. */
  async #stop(id: number, isLong: boolean): Promise<void> {
    const { killer, cluster, dice } = this.#ground;
    const since = performance.now();
    const engine = await killer.freeze(id);
    if (!isLong) {
      await sleep(dice.whole(100, 2000));
      killer.thaw(engine);
      return;
    }
    killer.killed.add(engine.uuid);
    await killer.untilGone(engine.uuid, since);
    await cluster.restart(id);
  }

  async #weather(kind: string, id: number): Promise<void> {
    const { rc, transport, dice } = this.#ground;
    const engine = rc.engine(id);
    if (engine === undefined) return;
    const network = transport.at(engine.tasks);
    const sky = dice.pick([network.up, network.down]);
    if (kind === 'cut') network.cut();
    else if (kind === 'block') network.block();
    else if (kind === 'narrow') sky.set({ rate: dice.whole(300_000, 2_000_000) });
    else if (kind === 'delay') sky.set({ delay: dice.whole(5, 100), loss: 0.01 });
    else sky.set({ cutAfter: dice.whole(0, 3_000_000) });
    await sleep(dice.whole(200, 2000));
    network.mend();
  }
}

function runsOf(log: string): Map<number, number> {
  const runs = new Map<number, number>();
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
  for (const line of lines) runs.set(Number(line), (runs.get(Number(line)) ?? 0) + 1);
  return runs;
}

/** The slope of a line through the second half of the samples, one a second: units a minute. */
function slopeOf(samples: readonly number[]): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  if (half.length < 2) return 0;
  const middle = (half.length - 1) / 2;
  const mean = half.reduce((a, b) => a + b, 0) / half.length;
  const up = half.reduce((sum, y, x) => sum + (x - middle) * (y - mean), 0);
  const down = half.reduce((sum, _, x) => sum + (x - middle) ** 2, 0);
  return (60 * up) / down;
}
