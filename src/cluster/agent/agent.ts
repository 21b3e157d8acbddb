import { randomBytes, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { clusterTransport } from '../../comm/by-scheme.ts';
import { Credentials } from '../../comm/zeromq/credentials.ts';
import { ClusterError } from '../../errors.ts';
import type { EngineOptions } from '../../protocol/engine-options.ts';
import type { AgentOrder } from '../../protocol/messages/agent.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { deferred } from '../../util/deferred.ts';
import { createRunDir, ownRunDir, removeRunDir } from '../files/run-dir.ts';
import { cardUuids } from '../launchers/graphics-cards.ts';
import type { EngineExit } from '../launchers/launcher.ts';
import { LocalLauncher } from '../launchers/local.ts';
import { softwareGpuVariables } from '../launchers/software-gpu-variables.ts';
import { engineAddress } from '../network/engine-address.ts';
import { AgentLink } from './agent-link.ts';
import type { AgentOptions } from './agent-options.ts';
import { type Card, cardId, cardOf } from './card-of.ts';
import type { JobEnvironment } from './job-environment.ts';
import { OutputRelay } from './output-relay.ts';

const DEATH_MS = 60_000;
const GRACE_MS = 5000;
/** Milliseconds that an agent without engines waits for the order to start them again, before it frees its place. */
const LINGER_MS = 15_000;
/** Characters of an engine's last output that travel. */
const MAX_OUTPUT = 8000;
const MAX_REPORT = 8000;

/**
 * Looks after the engines of one placement, on their host: starts them, gives each its card, tells the controller how each
 * ends, and ends all of them when it ends itself.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #job: JobEnvironment;
  readonly #slots: readonly EngineId[];
  readonly #launcher: LocalLauncher;
  readonly #link: AgentLink;
  readonly #endpoints: Endpoints;
  readonly #uuids: readonly string[];
  readonly #output = new OutputRelay((slot, text) => this.#link.output(slot, text));
  readonly #running = new Set<EngineId>();
  readonly #over = deferred<string>();
  #lingering: NodeJS.Timeout | undefined;
  /** Its system ends it: by a signal, without a word. */
  #bySystem: true | undefined;
  #leaving: Promise<void> | undefined;

  private constructor(options: AgentOptions, job: JobEnvironment, { endpoints, software, uuids, entry }: AgentParts) {
    this.#options = options;
    this.#job = { ...job, job: options.job ?? job.job };
    this.#slots = slotsOf(options, job);
    this.#endpoints = endpoints;
    this.#uuids = uuids;
    this.#launcher = new LocalLauncher({
      engine: (slot) => this.#engine(slot),
      env: (slot) => ({ ...software, ...options.env, ...this.#card(slot).env }),
      cwd: options.cwd,
      onUnhandled: (slot, report) => this.#link.fault(slot, report.slice(0, MAX_REPORT)),
      onText: (slot, text) => this.#output.write(slot, text),
      entry,
    });
    this.#launcher.onExit((exit) => this.#onExit(exit));
    const credentials = options.credentials && new Credentials(options.credentials);
    const { controller, token, deathTimeout = DEATH_MS } = options;
    this.#link = new AgentLink(
      {
        transport: clusterTransport({ credentials }),
        controller,
        token,
        slots: this.#slots,
        site: { host: job.host, pid: process.pid, job: this.#job.job, rank: job.rank, until: job.until },
        running: () => [...this.#running],
        deathTimeout,
      },
      { order: (order) => this.#obey(order), leave: (reason) => void this.leave(reason) },
    );
  }

  /**
   * Starts the agent and its engines. `entry`: the engine's entry file, for tests.
   * @throws ClusterError for a rank beyond the launch, and when the controller cannot be reached from here
   */
  static async start(options: AgentOptions, job: JobEnvironment, entry?: string): Promise<Agent> {
    slotsOf(options, job);
    const software = options.softwareGpu ? await softwareGpuVariables() : {};
    const endpoints = await endpointsOf(options);
    const uuids = options.softwareGpu ? [] : await cardUuids();
    const agent = new Agent(options, job, { endpoints, software, uuids, entry });
    await agent.#start(agent.#slots);
    return agent;
  }

  /** The reason why it has ended, when all its engines have; never rejects. */
  get ended(): Promise<string> {
    return this.#over.promise;
  }

  /** The ids of its engines. */
  get slots(): readonly EngineId[] {
    return this.#slots;
  }

  /** The agents of this host have as many engines each: tells which cards are taken by the others. */
  get #places(): number {
    return this.#options.perAgent ?? 1;
  }

  async #start(slots: readonly EngineId[]): Promise<void> {
    clearTimeout(this.#lingering);
    const wanted = slots.filter((slot) => this.#slots.includes(slot) && !this.#running.has(slot));
    for (const slot of wanted) this.#running.add(slot);
    await this.#launcher.start({ slots: wanted });
    this.#link.hello();
  }

  #card(slot: EngineId): Card {
    const { firstPlace } = this.#options;
    const { gpu } = this.#options;
    return cardOf({ ...this.#job, firstPlace, chosen: gpu }, this.#places, this.#slots.indexOf(slot));
  }

  #engine(slot: EngineId): EngineOptions {
    const { device = 'auto', threads = availableParallelism(), gpu, seed, inspect, softwareGpu } = this.#options;
    const { job, rank, until } = this.#job;
    const index = this.#slots.indexOf(slot);
    const card = this.#card(slot);
    // CUDA sees the one card that was granted; the others number those of the host.
    const isByNumber = !softwareGpu && (device === 'webgpu' || this.#job.gpus === undefined);
    return {
      device,
      threads,
      softwareGpu,
      gpu: gpu ?? (isByNumber ? card.index : undefined),
      card: softwareGpu ? undefined : cardId(card, this.#uuids),
      seed,
      inspect,
      controller: this.#options.controller,
      credentials: this.#options.credentials,
      ...this.#endpoints.of(slot),
      slot,
      proof: randomUUID(),
      deathTimeout: this.#options.deathTimeout,
      job,
      rank: rank === undefined ? undefined : rank * this.#places + index,
      until,
    };
  }

  #onExit({ handle, code, signal, error }: EngineExit): void {
    const { slot, pid } = handle;
    this.#running.delete(slot);
    this.#output.flush();
    const output = handle.output(Number.POSITIVE_INFINITY).slice(-MAX_OUTPUT);
    const bySystem = this.#bySystem;
    this.#link.ended({ slot, pid, code, signal, error: error?.message, output, fate: handle.fate(), bySystem });
    if (this.#running.size === 0) this.#linger();
  }

  // The controller may want the engines again; a place with a card is not held for nothing.
  #linger(): void {
    clearTimeout(this.#lingering);
    this.#lingering = setTimeout(() => void this.leave('its engines have ended'), LINGER_MS);
  }

  #obey(order: AgentOrder): void {
    const { grace = GRACE_MS } = this.#options;
    if (order.do === 'leave') void this.leave('the cluster has ended it', order.grace);
    else if (order.do === 'start') this.#start(order.slots).catch((error: Error) => void this.leave(error.message));
    else if (order.do === 'stop') void this.#launcher.stop({ slots: order.slots, grace: order.grace ?? grace });
    else {
      const running = order.slots.filter((slot) => this.#launcher.handle(slot) !== undefined);
      void this.#launcher.signal(order.signal as NodeJS.Signals, running);
    }
  }

  /** The scheduler says that it will end this job: the cluster gives these engines no new work that others could do. */
  drain(): void {
    this.#link.drain();
  }

  /** A signal ends this agent. */
  signalled(): Promise<void> {
    this.#bySystem = true;
    return this.leave('a signal');
  }

  /** Ends the engines, tells how they ended, and removes every file. Idempotent. */
  leave(reason: string, grace = this.#options.grace ?? GRACE_MS): Promise<void> {
    this.#leaving ??= this.#leave(reason, grace);
    return this.#leaving;
  }

  async #leave(reason: string, grace: number): Promise<void> {
    clearTimeout(this.#lingering);
    await this.#launcher.stop({ grace });
    clearTimeout(this.#lingering);
    this.#output.flush();
    await this.#link.close();
    this.#endpoints.remove();
    this.#over.resolve(reason);
  }

  /** Ends all at once: all that an `exit` handler may do. */
  kill(): void {
    this.#launcher.kill();
    this.#endpoints.remove();
  }
}

interface AgentParts {
  readonly endpoints: Endpoints;
  readonly software: Readonly<Record<string, string>>;
  /** The UUIDs of the host's cards, by number. */
  readonly uuids: readonly string[];
  readonly entry: string | undefined;
}

function slotsOf(
  { slots, perAgent = 1, rank: given }: AgentOptions,
  { rank: told }: JobEnvironment,
): readonly EngineId[] {
  const rank = given ?? told ?? 0;
  const its = slots.slice(rank * perAgent, (rank + 1) * perAgent);
  if (its.length > 0) return its;
  throw new ClusterError(`the launch has ${slots.length} engines, ${perAgent} for each agent: none for rank ${rank}`);
}

/** Where the engines of an agent listen. */
interface Endpoints {
  of(slot: EngineId): Pick<EngineOptions, 'tasks' | 'control' | 'peers' | 'near'>;
  /** Removes what is left of the sockets. */
  remove(): void;
}

/** For the sockets among engines of this machine; undefined where no such directory can be made: they have tcp. */
function nearDir(): string | undefined {
  try {
    return createRunDir();
  } catch {
    return undefined;
  }
}

async function endpointsOf({ controller, network, sockets }: AgentOptions): Promise<Endpoints> {
  if (controller.startsWith('tcp:')) {
    const endpoint = await engineAddress(controller, network);
    const near = nearDir();
    const at = (slot: EngineId) => near && `unix://${join(near, `e${slot}-${randomBytes(2).toString('hex')}.near`)}`;
    return {
      of: (slot) => ({ tasks: endpoint, control: endpoint, peers: endpoint, near: at(slot) }),
      remove: () => near && removeRunDir(near),
    };
  }
  const dir = sockets === undefined ? createRunDir() : ownRunDir(sockets);
  const path = (slot: EngineId, end: string, start: string) => `unix://${join(dir, `e${slot}${start}.${end}`)}`;
  return {
    of: (slot) => {
      // A forwarded socket has a fixed name; elsewhere a new engine must not take over the file of the one before it.
      const start = sockets === undefined ? `-${randomBytes(2).toString('hex')}` : '';
      const its = {
        tasks: path(slot, 'tasks', start),
        control: path(slot, 'control', start),
        peers: path(slot, 'peers', start),
      };
      // One that was killed leaves its sockets; the engine that takes its place has the same names.
      if (sockets !== undefined)
        for (const at of Object.values(its)) rmSync(at.slice('unix://'.length), { force: true });
      return its;
    },
    remove: () => removeRunDir(dir),
  };
}
