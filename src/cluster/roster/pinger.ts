import type { Transport } from '../../comm/transport.ts';
import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { ControlClient } from '../../rpc/control-client.ts';
import { type Verdict, Vitals, type VitalsOptions } from './vitals.ts';

/** Milliseconds between two looks at an engine whose link to the controller broke. */
const LOOK_MS = 250;
/** Such an engine is dead when its address has refused so many connections in a row. */
const REFUSALS = 4;

/** Is told what is known of the engines. */
export interface PingerEvents {
  verdict(verdict: Verdict): void;
  /** Nobody listens at the engine's address any more. */
  refused(id: EngineId): void;
}

/** An engine, and where its control thread listens. */
type Doubted = Pick<EngineRecord, 'id' | 'uuid' | 'control'>;

/**
 * Passes on the verdicts of `Vitals`, which judges by time alone. Engines send heartbeats, from the thread that works while
 * the main thread computes; nobody asks them for more, as long as they do. An engine whose link to the controller broke
 * sends none: its control thread is pinged instead. Such an engine is sooner known to be dead where its process no longer
 * listens. A link that was cut, or a process that is stopped, refuses nothing.
 */
export class Pinger {
  readonly #transport: Transport;
  readonly #vitals: Vitals;
  readonly #events: PingerEvents;
  readonly #pinged = new Map<EngineId, ControlClient>();
  readonly #looked = new Map<EngineId, NodeJS.Timeout>();
  readonly #timer: NodeJS.Timeout;

  constructor(transport: Transport, options: VitalsOptions, events: PingerEvents) {
    this.#transport = transport;
    this.#vitals = new Vitals(options, performance.now());
    this.#events = events;
    this.#timer = setInterval(() => this.#tick(), this.#vitals.interval).unref();
  }

  /** Milliseconds between two heartbeats that an engine should send. */
  get interval(): number {
    return this.#vitals.interval;
  }

  /** Judges this engine from now on. @throws ConnectionError for a control endpoint that nobody may connect to */
  add(engine: EngineRecord): void {
    this.#transport.check?.(engine.control, 'control');
    this.#vitals.add(engine.id, performance.now());
  }

  /** Its link to the controller broke: asks its control thread whether it lives. */
  doubt(engine: Doubted): void {
    if (!this.#pinged.has(engine.id)) this.#pinged.set(engine.id, new ControlClient(this.#transport, engine));
  }

  /** As `doubt`; looks, too, whether anybody listens at its address. */
  look(engine: Doubted): void {
    this.doubt(engine);
    this.#look(engine, 0);
  }

  #look(engine: Doubted, refusals: number): void {
    const { id, control } = engine;
    const look = async () => {
      const isRefused = (await this.#transport.refuses?.(control).catch(() => false)) === true;
      if (this.#looked.get(id) !== timer) return;
      if (isRefused && refusals + 1 >= REFUSALS) this.#events.refused(id);
      else this.#look(engine, isRefused ? refusals + 1 : 0);
    };
    clearTimeout(this.#looked.get(id));
    const timer = setTimeout(() => void look(), LOOK_MS).unref();
    this.#looked.set(id, timer);
  }

  /** It has a link to the controller again. */
  trust(id: EngineId): void {
    clearTimeout(this.#looked.get(id));
    this.#looked.delete(id);
    void this.#pinged.get(id)?.close();
    this.#pinged.delete(id);
    this.seen(id);
  }

  /** Judges it no more. */
  remove(id: EngineId): void {
    this.#vitals.remove(id);
    this.trust(id);
  }

  /** It has said something. */
  seen(id: EngineId): void {
    for (const verdict of this.#vitals.seen(id, performance.now())) this.#events.verdict(verdict);
  }

  #tick(): void {
    for (const verdict of this.#vitals.tick(performance.now())) this.#events.verdict(verdict);
    for (const [id, control] of this.#pinged) this.#ping(id, control);
  }

  #ping(id: EngineId, control: ControlClient): void {
    const unanswered = () => {}; // the vitals judge silence
    control.ask({ type: 'ping' }, this.#vitals.interval * 2).then(() => this.seen(id), unanswered);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const timer of this.#looked.values()) clearTimeout(timer);
    this.#looked.clear();
    await Promise.all([...this.#pinged.values()].map((control) => control.close()));
    this.#pinged.clear();
  }
}
