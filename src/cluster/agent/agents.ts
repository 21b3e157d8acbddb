import type { AgentInbound, AgentOrder, AgentSite } from '../../protocol/messages/agent.ts';
import type { EngineId } from '../../protocol/messages.ts';
import type { EngineExit, EngineHandle } from '../launchers/launcher.ts';
import { answer, type Party } from '../roster/followers.ts';

/** Is told what the agents tell. */
export interface AgentEvents {
  /** An agent runs, with the engines of these slots to start. */
  up(slots: readonly EngineId[], site: AgentSite): void;
  exit(exit: EngineExit): void;
  draining(slots: readonly EngineId[], until: number | undefined): void;
  fault(slot: EngineId, report: string): void;
  /** Text that an engine printed outside of tasks. */
  output(slot: EngineId, text: string): void;
}

interface Agent {
  readonly token: string;
  readonly slots: readonly EngineId[];
  readonly site: AgentSite;
  /** The slots whose engine has not ended. */
  running: Set<EngineId>;
  /** Undefined while its link is broken. */
  party: Party | undefined;
  lastReport: number;
}

/** Milliseconds in which an engine whose place was given back ends. */
const GRACE_MS = 5000;

/**
 * The controller's side of the agents: which one looks after which slot. An agent shows the token of its launch; one of a
 * launch that this cluster does not want any more is told to leave.
 */
export class Agents {
  readonly #events: AgentEvents;
  /** The launch that each slot belongs to. */
  readonly #tokens = new Map<EngineId, string>();
  readonly #agents = new Map<EngineId, Agent>();
  readonly #parties = new Map<Party, Agent>();

  constructor(events: AgentEvents) {
    this.#events = events;
  }

  /** An agent with this token will come for each of these slots. Those of earlier launches are told to leave. */
  expect(token: string, slots: readonly EngineId[]): void {
    for (const slot of slots) {
      this.#tokens.set(slot, token);
      this.#agents.delete(slot);
    }
  }

  /** The places of these slots were given back: an agent that has no others leaves. */
  forget(slots: readonly EngineId[]): void {
    for (const slot of slots) {
      this.#tokens.delete(slot);
      this.#agents.delete(slot);
    }
  }

  /** A message on the registry socket. */
  take(message: AgentInbound, party: Party): void {
    if (message.type === 'agent') this.#hello(message, party);
    else this.#hear(message, this.#parties.get(party), party);
  }

  #hello(message: Extract<AgentInbound, { type: 'agent' }>, party: Party): void {
    const { token, slots } = message;
    const known = this.#parties.get(party);
    const first = slots.map((slot) => this.#agents.get(slot)).find((agent) => agent?.token === token);
    const others = slots.filter((slot) => this.#tokens.get(slot) !== token);
    const isWanted = slots.length > others.length;
    // A requeued job starts a second agent: the first one is gone, or its system has erred.
    const isOther = first?.party !== undefined && first.party !== party && !isSame(first.site, message.site);
    if (!isWanted || isOther) answer(party, { type: 'agent-seen', refused: true });
    else if (known === undefined) this.#admit(message, party, first);
    else {
      known.running = new Set(message.running);
      answer(party, { type: 'agent-seen' });
    }
    // Their places were given back: it goes on with the rest.
    const extra = message.running.filter((slot) => others.includes(slot));
    if (isWanted && !isOther && extra.length > 0)
      answer(party, { type: 'agent-order', order: { do: 'stop', slots: extra, grace: GRACE_MS } });
  }

  #admit({ token, slots, running, site }: Extract<AgentInbound, { type: 'agent' }>, party: Party, old?: Agent): void {
    const lastReport = old !== undefined && isSame(old.site, site) ? old.lastReport : 0;
    if (old?.party !== undefined) this.#parties.delete(old.party);
    const agent: Agent = { token, slots, site, running: new Set(running), party, lastReport };
    this.#parties.set(party, agent);
    const its = slots.filter((slot) => this.#tokens.get(slot) === token);
    for (const slot of its) this.#agents.set(slot, agent);
    answer(party, { type: 'agent-seen' });
    this.#events.up(its, site);
  }

  #hear(message: Exclude<AgentInbound, { type: 'agent' }>, agent: Agent | undefined, party: Party): void {
    const ofIt = 'slot' in message ? [message.slot] : message.slots;
    const isIts = agent?.token === message.token && ofIt.every((slot) => agent.slots.includes(slot));
    if (agent === undefined || !isIts) answer(party, { type: 'agent-seen', refused: true });
    else if (message.type === 'agent-ended') this.#ended(message, agent, party);
    else if (message.type === 'agent-draining')
      this.#events.draining(this.#placesOf(agent, message.slots), message.until);
    else if (message.type === 'agent-fault') this.#events.fault(message.slot, message.report);
    else this.#events.output(message.slot, message.text);
  }

  // Without those that were given back: they may be those of another agent now.
  #placesOf({ token }: Agent, slots: readonly EngineId[]): EngineId[] {
    return slots.filter((slot) => this.#tokens.get(slot) === token);
  }

  #ended(message: Extract<AgentInbound, { type: 'agent-ended' }>, agent: Agent, party: Party): void {
    const { slot, pid, code, signal, error, output, fate, bySystem, report } = message;
    answer(party, { type: 'agent-seen', report });
    if (report <= agent.lastReport) return;
    agent.lastReport = report;
    agent.running.delete(slot);
    if (this.#tokens.get(slot) !== agent.token) return; // its place was given back
    const handle: EngineHandle = { slot, pid, output: (lines = 20) => tail(output, lines), fate: () => fate };
    const why = error === undefined ? undefined : new Error(error);
    this.#events.exit({ handle, code, signal: signal as NodeJS.Signals | null, error: why, bySystem });
  }

  /** The link of an agent broke: what becomes of its engines, their own links and pings tell. */
  gone(party: Party): void {
    const agent = this.#parties.get(party);
    this.#parties.delete(party);
    if (agent?.party === party) agent.party = undefined;
  }

  /** The slots whose agent can be asked now. */
  reachable(slots: readonly EngineId[]): EngineId[] {
    return slots.filter((slot) => this.#agents.get(slot)?.party !== undefined);
  }

  /** Every slot that an agent has come for. */
  get slots(): EngineId[] {
    return [...this.#agents.keys()];
  }

  /** The engine in this slot, if it runs and its agent will tell its end. */
  handle(slot: EngineId): EngineHandle | undefined {
    const agent = this.#agents.get(slot);
    if (agent?.party === undefined || !agent.running.has(slot)) return undefined;
    return { slot, pid: -1, output: () => '', fate: () => undefined };
  }

  /** Asks the agents of these slots, each once. `orderOf` gets the slots of one agent. */
  order(slots: readonly EngineId[], orderOf: (slots: EngineId[]) => AgentOrder): void {
    for (const [agent, its] of group(slots, this.#agents)) {
      const order = orderOf(its);
      if (order.do === 'start') for (const slot of its) agent.running.add(slot);
      if (agent.party !== undefined) answer(agent.party, { type: 'agent-order', order });
    }
  }

  /** The cluster ends: all agents leave. */
  stopping(): void {
    for (const party of this.#parties.keys()) answer(party, { type: 'stopping' });
  }
}

function group(slots: readonly EngineId[], agents: ReadonlyMap<EngineId, Agent>): Map<Agent, EngineId[]> {
  const groups = new Map<Agent, EngineId[]>();
  for (const slot of slots) {
    const agent = agents.get(slot);
    if (agent !== undefined) groups.set(agent, [...(groups.get(agent) ?? []), slot]);
  }
  return groups;
}

const isSame = (a: AgentSite, b: AgentSite): boolean => a.host === b.host && a.pid === b.pid && a.job === b.job;

const tail = (text: string, lines: number): string => text.split('\n').slice(-lines).join('\n');
