import { ClusterError } from '../../../../errors.ts';
import type { EngineId } from '../../../../protocol/messages.ts';
import { EndWaits } from '../../../../rpc/end-waits.ts';
import type { Launcher, LaunchRequest, Placement, StopOptions } from '../../launcher.ts';
import { farProgram } from '../far-program.ts';
import { GivenPlaces } from '../given-places.ts';
import { HelperProcess } from './helper-process.ts';
import type { PythonOptions } from './python-options.ts';

/** A system that a Python library speaks with. */
export interface PythonSystem {
  readonly kind: 'dask' | 'ray';
  readonly options: PythonOptions;
  /** Further fields of the helper's first line. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The resources of one agent. */
  resources(request: Pick<LaunchRequest, 'gpusPerEngine' | 'cpusPerEngine'>): Readonly<Record<string, number>>;
}

interface Agent {
  readonly id: string;
  slots: readonly EngineId[];
  host: string | undefined;
  isAsked: boolean;
}

const CONNECT_MS = 30_000;
const GRACE_MS = 5000;
/** Milliseconds beyond the grace in which the system must tell the ends of agents. */
const TELL_MS = 5000;

/**
 * Dask or Ray, by way of a small Python program: each agent is a task (Dask) or an actor in a placement group (Ray), which
 * holds its place as long as it lives. The agents end with that program, and so with this process. They listen on tcp, with keys.
 */
export class PythonLauncher implements Launcher {
  readonly kind: 'dask' | 'ray';
  readonly lifetime = 'attached';
  readonly #system: PythonSystem;
  /** Agents that have not ended, by id. */
  readonly #agents = new Map<string, Agent>();
  readonly #given = new GivenPlaces();
  readonly #ends = new EndWaits();
  #helper: HelperProcess | undefined;
  #launches = 0;
  #listener = (_: Placement): void => {};

  constructor(system: PythonSystem) {
    this.kind = system.kind;
    this.#system = system;
  }

  async start(request: LaunchRequest, signal?: AbortSignal): Promise<readonly Placement[]> {
    const helper = await this.#connected(signal);
    this.#given.take(request.slots);
    this.#replace(request.slots);
    const { perAgent = 1 } = this.#system.options;
    const command = farProgram(request.agent.command, this.#system.options);
    const launch = this.#launches++;
    const agents = Array.from({ length: Math.ceil(request.slots.length / perAgent) }, (_, i): Agent => {
      const slots = request.slots.slice(i * perAgent, (i + 1) * perAgent);
      return { id: `${launch}-${i}`, slots, host: undefined, isAsked: false };
    });
    for (const agent of agents) this.#agents.set(agent.id, agent);
    helper.send({
      do: 'start',
      gang: request.gang,
      resources: { ...this.#system.resources(request), ...this.#system.options.resources },
      each: perAgent,
      agents: agents.map(({ id, slots }) => {
        return { id, command, line: request.agent.line({ slots, perAgent, rank: 0 }) };
      }),
    });
    return agents.map(({ slots }) => ({ slots, state: 'queued', why: `was given to ${this.kind}` }));
  }

  async #connected(signal: AbortSignal | undefined): Promise<HelperProcess> {
    this.#helper ??= this.#open();
    const helper = this.#helper;
    try {
      await helper.connected(signal);
    } catch (error) {
      helper.kill();
      throw error;
    }
    return helper;
  }

  #open(): HelperProcess {
    const { kind, config, options } = this.#system;
    const { python = 'python3', connectTimeout = CONNECT_MS } = options;
    const first = { ...config, grace: GRACE_MS / 1000, timeout: connectTimeout / 1000 };
    const helper: HelperProcess = new HelperProcess(
      { python, kind, connectTimeout, config: first },
      {
        message: (message) => this.#take(message),
        ended: (why) => {
          if (this.#helper === helper) this.#helper = undefined;
          for (const agent of [...this.#agents.values()]) this.#over(agent, why, 'exit');
        },
      },
    );
    return helper;
  }

  // The agents of engines that are started anew are over, whatever becomes of them.
  #replace(slots: readonly EngineId[]): void {
    const stale: Agent[] = [];
    for (const agent of this.#agents.values()) {
      agent.slots = agent.slots.filter((slot) => !slots.includes(slot));
      if (agent.slots.length === 0) stale.push(agent);
    }
    if (stale.length > 0) this.#helper?.send({ do: 'stop', ids: stale.map(({ id }) => id) });
  }

  #take({ event, id, ...more }: Readonly<Record<string, unknown>>): void {
    const agent = this.#agents.get(String(id));
    if (agent === undefined) return;
    if (event === 'queued') this.#tell(agent, { state: 'queued', why: String(more['why']) });
    else if (event === 'started') {
      agent.host = String(more['host']);
      this.#tell(agent, { state: 'starting' });
    } else if (event === 'exit') this.#over(agent, endText(more), 'exit');
    else if (event === 'lost') this.#over(agent, `lost its place in ${this.kind}: ${String(more['error'])}`, 'node');
  }

  #over(agent: Agent, why: string, cause: 'exit' | 'node'): void {
    this.#agents.delete(agent.id);
    this.#tell(agent, { state: 'ended', why: agent.isAsked ? 'was stopped with its agent' : why, cause });
    this.#ends.ended();
  }

  #tell({ slots, host }: Agent, change: Omit<Placement, 'slots'>): void {
    if (slots.length > 0) this.#listener({ ...change, slots, where: { host } });
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    throw new ClusterError(`${this.kind} can send no ${signal} to one engine: the agent that could does not answer`);
  }

  async stop({ grace = GRACE_MS, slots }: StopOptions = {}): Promise<void> {
    const helper = this.#helper;
    const isMeant = this.#given.give(slots);
    const wanted = [...this.#agents.values()].filter((agent) => isMeant(agent.slots));
    for (const agent of wanted) agent.isAsked = true;
    if (slots === undefined) await helper?.close(grace + TELL_MS);
    else if (wanted.length > 0) {
      helper?.send({ do: 'stop', ids: wanted.map(({ id }) => id) });
      await this.#ends.until(() => wanted.every(({ id }) => !this.#agents.has(id)), grace + TELL_MS);
    }
  }

  kill(): void {
    this.#helper?.kill();
  }

  onState(listener: (placement: Placement) => void): void {
    this.#listener = listener;
  }
}

function endText({ code, signal, tail }: Readonly<Record<string, unknown>>): string {
  const last =
    String(tail ?? '')
      .trimEnd()
      .split('\n')
      .at(-1) ?? '';
  return `ended with its agent (${signal ?? `code ${code}`})${last === '' ? '' : `: ${last}`}`;
}
