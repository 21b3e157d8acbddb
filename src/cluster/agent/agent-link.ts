import { setTimeout as pause } from 'node:timers/promises';
import type { Transport } from '../../comm/transport.ts';
import type { AgentInbound, AgentOrder, AgentSite } from '../../protocol/messages/agent.ts';
import type { RegistryInbound, RosterOutbound } from '../../protocol/messages/roster.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { type Channel, openChannel } from '../../rpc/channel.ts';
import { REGISTRY } from '../../rpc/conversations.ts';
import { Backoff } from '../../util/backoff.ts';

/** Is told what the controller says. */
export interface AgentLinkEvents {
  order(order: AgentOrder): void;
  /** The agent must end: the reason completes the sentence "the agent ends: …". */
  leave(reason: string): void;
}

/** Who the agent is, and where its controller listens. */
export interface AgentLinkOptions {
  readonly transport: Transport;
  readonly controller: string;
  readonly token: string;
  readonly slots: readonly EngineId[];
  readonly site: AgentSite;
  /** The slots whose engine runs now. */
  readonly running: () => readonly EngineId[];
  /** Milliseconds. */
  readonly deathTimeout: number;
}

/** The end of an engine, as it is told. */
export type EndReport = Omit<Extract<AgentInbound, { type: 'agent-ended' }>, 'type' | 'token' | 'report'>;

const BEAT_MS = 5000;
/** Milliseconds for which a controller may be silent at least: it may be busy. */
const LEAST_DEATH_MS = 2000;
/** Milliseconds in which the last reports must arrive. */
const FLUSH_MS = 1000;

/**
 * The agent's link to the controller. A link that breaks is opened again, and reports that were not answered are sent once
 * more, until the controller has been silent for `deathTimeout`.
 */
export class AgentLink {
  readonly #options: AgentLinkOptions;
  readonly #events: AgentLinkEvents;
  readonly #backoff = new Backoff();
  readonly #reports = new Map<number, AgentInbound>();
  readonly #timer: NodeJS.Timeout;
  /** Milliseconds. */
  readonly #limit: number;
  #channel: Channel<RegistryInbound> | undefined;
  #next = 1;
  #heardAt = performance.now();
  /** The scheduler will end the engines, also those that start later in their places. */
  #isDraining = false;
  #isClosed = false;
  #answered = (): void => {};

  constructor(options: AgentLinkOptions, events: AgentLinkEvents) {
    this.#options = options;
    this.#events = events;
    this.#limit = Math.max(LEAST_DEATH_MS, options.deathTimeout);
    this.#timer = setInterval(() => this.#beat(), Math.min(BEAT_MS, this.#limit / 4));
    this.#open();
  }

  #open(): void {
    if (this.#isClosed) return;
    const { transport, controller: endpoint } = this.#options;
    try {
      this.#channel = openChannel({ transport, endpoint, conversation: REGISTRY }, 'controller', {
        message: (message) => this.#take(message),
        down: (_, channel) => this.#down(channel),
      });
    } catch {
      this.#openSoon(); // no descriptor is left now
      return;
    }
    this.hello();
    for (const report of this.#reports.values()) this.#send(report);
  }

  #openSoon(): void {
    setTimeout(() => this.#open(), this.#backoff.next());
  }

  #down(channel: Channel<RegistryInbound>): void {
    if (channel !== this.#channel || this.#isClosed) return;
    this.#channel = undefined;
    void channel.close();
    this.#openSoon();
  }

  /** Tells which engines run: now, and by itself from time to time. */
  hello(): void {
    const { token, slots, site, running } = this.#options;
    this.#send({ type: 'agent', token, slots, running: running(), site });
    if (this.#isDraining) this.#send({ type: 'agent-draining', token, slots: running(), until: site.until });
  }

  #send(message: AgentInbound): void {
    void this.#channel?.send(message);
  }

  #beat(): void {
    const silence = performance.now() - this.#heardAt;
    if (silence <= this.#limit) this.hello();
    else this.#events.leave(`its controller has said nothing for ${Math.round(silence)} ms`);
  }

  #take(message: RosterOutbound): void {
    this.#heardAt = performance.now();
    this.#backoff.reset();
    if (message.type === 'stopping') this.#events.leave('the cluster stops');
    else if (message.type === 'agent-order') this.#events.order(message.order);
    else if (message.type === 'agent-seen') this.#seen(message);
  }

  #seen({ report, refused }: Extract<RosterOutbound, { type: 'agent-seen' }>): void {
    if (report !== undefined) this.#reports.delete(report);
    if (refused) this.#reports.clear();
    if (this.#reports.size === 0) this.#answered();
    if (refused) this.#events.leave('the cluster does not want its engines any more');
  }

  /** The process of an engine has ended. */
  ended(end: EndReport): void {
    const report = this.#next++;
    const message: AgentInbound = { type: 'agent-ended', token: this.#options.token, ...end, report };
    this.#reports.set(report, message);
    this.#send(message);
  }

  /** The scheduler will end these places: told now and with each sign of life, because engines may register later, and links break. */
  drain(): void {
    this.#isDraining = true;
    this.hello();
  }

  /** Errors that nobody handled on an engine. */
  fault(slot: EngineId, report: string): void {
    this.#send({ type: 'agent-fault', token: this.#options.token, slot, report });
  }

  /** Text of an engine, for its log. Where the link is broken, it is lost. */
  output(slot: EngineId, text: string): void {
    this.#send({ type: 'agent-output', token: this.#options.token, slot, text });
  }

  /** Ends the link when the controller has the reports, or does not answer. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const answered = new Promise<void>((resolve) => {
      this.#answered = resolve;
    });
    if (this.#reports.size > 0) await Promise.race([answered, pause(FLUSH_MS, undefined, { ref: false })]);
    this.#isClosed = true;
    clearInterval(this.#timer);
    await this.#channel?.close();
  }
}
