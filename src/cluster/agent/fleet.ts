import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { EngineId } from '../../protocol/messages.ts';
import { EndWaits } from '../../rpc/end-waits.ts';
import type {
  AgentProgram,
  EngineExit,
  EngineHandle,
  Launcher,
  LaunchRequest,
  Placement,
  StopOptions,
} from '../launchers/launcher.ts';
import { Agents } from './agents.ts';
import { checkPlacement, placementsOf } from './checked-launcher.ts';
import { Launches } from './launches.ts';

/** Is told what becomes of engines. */
export interface FleetEvents {
  /** A placement has come to another state. */
  placement(placement: Placement): void;
  /** The end of an engine that was started: once each. */
  exit(exit: EngineExit): void;
  /** Its scheduler will end it, at `until` (milliseconds since 1970) where that is known. */
  draining(slots: readonly EngineId[], until: number | undefined): void;
  /** The places of these engines end at `until` (milliseconds since 1970). */
  timed(slots: readonly EngineId[], until: number): void;
  /** Errors that nobody handled on an engine. */
  fault(slot: EngineId, report: string): void;
  /** Text that an engine of an agent printed outside of tasks. */
  output(slot: EngineId, text: string): void;
}

/** How the placements of a cluster are asked for. */
export interface FleetOptions {
  readonly launcher: Launcher;
  /** The request without the engines and their program. */
  readonly request: Omit<LaunchRequest, 'slots' | 'agent'>;
  /** The program of the agents of one launch. */
  readonly program: (token: string, slots: readonly EngineId[]) => AgentProgram;
  /** The launcher has got places, or they were accepted: its JSON is another one. */
  readonly accepted?: (() => void) | undefined;
}

/** Which engines are ended, and whether their places stay: others start there at once. */
interface FleetStop extends StopOptions {
  readonly keepsPlaces?: boolean | undefined;
}

const GRACE_MS = 5000;
/** Milliseconds beyond the grace in which agents tell the ends of their engines. */
const TELL_MS = 1000;
/** Milliseconds in which a system says why it has ended an agent, and between two questions. */
const EXPLAIN_MS = 3000;
const ASK_MS = 200;
/** Between two looks whether an agent that has ended is still linked. */
const LOOK_MS = 20;

/**
 * The engines of a cluster, wherever they run: started by its launcher, then looked after by their agents, or by the
 * launcher itself where they are processes of this host. It knows how each of them ends, once.
 */
export class Fleet {
  readonly agents: Agents;
  readonly #options: FleetOptions;
  readonly #launcher: Launcher;
  readonly #events: FleetEvents;
  /** Slots that were started and whose engine has not ended. */
  readonly #open = new Set<EngineId>();
  /** The last known placement of each slot. */
  readonly #placements = new Map<EngineId, Placement>();
  readonly #launches = new Launches();
  readonly #ends = new EndWaits();

  constructor(options: FleetOptions, events: FleetEvents) {
    this.#options = options;
    this.#launcher = options.launcher;
    this.#events = events;
    this.agents = new Agents({
      up: (slots, { host, job, until }) => {
        this.#placed({ slots, state: 'running', where: { host, job } });
        if (until !== undefined) events.timed(slots, until);
      },
      exit: (exit) => (exit.bySystem ? void this.#explain(exit) : this.#exit(exit)),
      draining: (slots, until) => events.draining(slots, until),
      fault: (slot, report) => events.fault(slot, report),
      output: (slot, text) => events.output(slot, text),
    });
    this.#launcher.onState((placement) => this.#placed(checkPlacement(this.#launcher, placement)));
    this.#launcher.onExit?.((exit) => this.#exit(exit));
  }

  /** Asks for places, or the agents that are there for new engines. @throws ClusterError in the words of the system */
  async start(slots: readonly EngineId[], signal?: AbortSignal): Promise<void> {
    for (const slot of slots) this.#open.add(slot);
    const again = this.agents.reachable(slots);
    const fresh = slots.filter((slot) => !again.includes(slot));
    this.agents.order(again, (its) => ({ do: 'start', slots: its }));
    for (const slot of again) this.#tell(this.#placements.get(slot), slot);
    if (fresh.length > 0) await this.#launch(fresh, signal);
  }

  async #launch(slots: readonly EngineId[], signal: AbortSignal | undefined): Promise<void> {
    const { request, program } = this.#options;
    const token = randomUUID();
    if (this.isRemote) this.agents.expect(token, slots);
    const agent = program(token, slots);
    const start = (given: AbortSignal) => placementsOf(this.#launcher, { ...request, slots, agent }, given);
    const placements = await this.#launches.run(slots, signal, start);
    this.#options.accepted?.();
    for (const placement of placements) this.#placed(placement);
  }

  #tell(placement: Placement | undefined, slot: EngineId): void {
    this.#events.placement({ slots: [slot], state: 'running', where: placement?.where });
  }

  // Agent and system tell of the same placement: one that runs is not queued any more.
  #placed(placement: Placement): void {
    const slots = placement.slots.filter((slot) => this.#open.has(slot) && this.#isNews(slot, placement));
    if (slots.length === 0) return;
    for (const slot of slots) this.#placements.set(slot, placement);
    this.#events.placement({ ...placement, slots });
    if (placement.state === 'ended') void this.#end(placement, slots);
  }

  #isNews(slot: EngineId, { state, why }: Placement): boolean {
    const known = this.#placements.get(slot);
    if (known === undefined || state === 'ended') return true;
    if (known.state === 'running' && state !== 'running') return false;
    return known.state !== state || known.why !== why;
  }

  // An agent may know more of the end, and tell it over another way, unless its host is gone.
  async #end(
    { cause = 'exit', why = 'has ended with its placement' }: Placement,
    slots: readonly EngineId[],
  ): Promise<void> {
    const seen = new Set(this.agents.slots);
    const lost = cause === 'unknown' ? slots.filter((slot) => !seen.has(slot)) : slots;
    if (cause !== 'node') await this.#lastWords(lost);
    // A system that has lost its memory may start a job twice, and tell the second one's end: an agent that is linked goes on.
    const linked = new Set(cause === 'exit' ? this.agents.reachable(lost) : []);
    this.#placed({ slots: [...linked], state: 'running' });
    for (const slot of lost.filter((one) => !linked.has(one))) {
      const handle: EngineHandle = { slot, pid: -1, output: () => '', fate: () => undefined };
      this.#exit({ handle, code: null, signal: null, why });
    }
  }

  // An agent whose link has ended tells no more, and its engines say goodbye as if they had been asked to end.
  async #lastWords(slots: readonly EngineId[]): Promise<void> {
    const end = performance.now() + TELL_MS;
    while (this.agents.reachable(slots).length > 0 && performance.now() < end)
      await pause(LOOK_MS, undefined, { ref: false });
  }

  // An agent that got a signal does not know why: its system may, a little later. A launcher without `poll` has told all.
  async #explain(exit: EngineExit): Promise<void> {
    const { slot } = exit.handle;
    const end = performance.now() + EXPLAIN_MS;
    const place = () => this.#placements.get(slot);
    while (this.#open.has(slot) && place()?.state !== 'ended' && performance.now() < end) {
      const told = await this.#launcher.poll?.().catch(() => undefined);
      if (told === undefined) break;
      await pause(ASK_MS, undefined, { ref: false });
    }
    const { state, why } = place() ?? {};
    this.#exit(state === 'ended' && why !== undefined ? { ...exit, why } : exit);
  }

  #exit(exit: EngineExit): void {
    const { slot } = exit.handle;
    if (!this.#open.delete(slot)) return;
    this.#placements.delete(slot);
    this.#events.exit(exit);
    this.#ends.ended();
  }

  /** How many engines its launcher has places for, where that is known. */
  get places(): number | undefined {
    return this.#launcher.places;
  }

  /** True if its engines are looked after by agents. */
  get isRemote(): boolean {
    return this.#launcher.isRemote !== false;
  }

  /** The engine was taken off the roster. True if nobody will tell its end: then it is over here, too. */
  lost(slot: EngineId): boolean {
    return this.handle(slot) === undefined && this.#open.delete(slot);
  }

  /** The engine in this slot, if it runs and its end will be told here. */
  handle(slot: EngineId): EngineHandle | undefined {
    return this.#launcher.handle?.(slot) ?? this.agents.handle(slot);
  }

  /** Is the engine in this slot a process that this process has started? */
  isChild(slot: EngineId): boolean {
    return this.#launcher.handle?.(slot) !== undefined;
  }

  /** Was it started, and has its end not been told? It may still wait for its place. */
  isOpen(slot: EngineId): boolean {
    return this.#open.has(slot);
  }

  /** @throws ClusterError where neither agent nor system can be asked */
  async signal(signal: NodeJS.Signals, slots: readonly EngineId[]): Promise<void> {
    const asked = this.agents.reachable(slots);
    this.agents.order(asked, (its) => ({ do: 'signal', slots: its, signal }));
    const others = slots.filter((slot) => !asked.includes(slot));
    if (others.length > 0) await this.#launcher.signal(signal, others);
  }

  /** Ends engines, or frees their places in the queue, and waits for that. Default: all of them, and every agent. */
  async stop({ grace = GRACE_MS, slots, keepsPlaces = false }: FleetStop = {}): Promise<void> {
    const wanted = slots ?? [...this.#open];
    const asked = this.agents.reachable(slots ?? [...new Set([...wanted, ...this.agents.slots])]);
    if (slots === undefined) this.agents.order(asked, () => ({ do: 'leave', grace }));
    else this.agents.order(asked, (its) => ({ do: 'stop', slots: its, grace }));
    await this.#ends.until(() => asked.every((slot) => !this.#open.has(slot)), grace + TELL_MS);
    // An agent whose engine has ended waits for the order to start it again.
    const places = keepsPlaces ? slots?.filter((slot) => !asked.includes(slot) || this.#open.has(slot)) : slots;
    if (places?.length !== 0) await this.#free(places, grace);
    if (!keepsPlaces && slots !== undefined) this.agents.forget(slots);
    const isGone = (slot: EngineId) => this.#launcher.handle?.(slot) === undefined;
    for (const slot of wanted) if (isGone(slot)) this.#open.delete(slot);
  }

  async #free(slots: readonly EngineId[] | undefined, grace: number): Promise<void> {
    await this.#launches.giveUp(slots);
    await this.#launcher.stop({ grace, slots });
    // Places of a start that goes on for other engines are known when it has ended.
    if (await this.#launches.settled(slots)) await this.#launcher.stop({ grace, slots });
  }

  /** Ends all at once, without waiting. */
  kill(): void {
    this.agents.stopping();
    this.#launcher.kill();
  }
}
