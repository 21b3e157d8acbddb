import type { Transport } from '../comm/transport.ts';
import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import type { EngineId } from '../protocol/messages.ts';
import { ControlClient } from '../rpc/control-client.ts';
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

/**
 * Pings the control threads of all engines and passes on the verdicts of `Vitals`, which judges by time alone. An engine
 * whose link broke is sooner known to be dead: its process no longer listens. A link that was cut, or a process that is
 * stopped, refuses nothing.
 */
export class Pinger {
  readonly #transport: Transport;
  readonly #vitals: Vitals;
  readonly #events: PingerEvents;
  readonly #controls = new Map<EngineId, ControlClient>();
  readonly #doubted = new Map<EngineId, NodeJS.Timeout>();
  readonly #timer: NodeJS.Timeout;

  constructor(transport: Transport, options: VitalsOptions, events: PingerEvents) {
    this.#transport = transport;
    this.#vitals = new Vitals(options, performance.now());
    this.#events = events;
    this.#timer = setInterval(() => this.#tick(), this.#vitals.interval).unref();
  }

  /** @throws ConnectionError for a control endpoint that nobody may connect to */
  add(engine: EngineRecord): void {
    const control = new ControlClient(this.#transport, engine);
    control.connect();
    this.#controls.set(engine.id, control);
    this.#vitals.add(engine.id, performance.now());
  }

  /** Its link to the controller broke: looks whether anybody listens at its address. */
  doubt({ id, control }: Pick<EngineRecord, 'id' | 'control'>, refusals = 0): void {
    this.trust(id);
    const look = async () => {
      const isRefused = (await this.#transport.refuses?.(control).catch(() => false)) === true;
      if (this.#doubted.get(id) !== timer) return;
      if (isRefused && refusals + 1 >= REFUSALS) this.#events.refused(id);
      else this.doubt({ id, control }, isRefused ? refusals + 1 : 0);
    };
    const timer = setTimeout(() => void look(), LOOK_MS).unref();
    this.#doubted.set(id, timer);
  }

  /** It has a link to the controller again. */
  trust(id: EngineId): void {
    clearTimeout(this.#doubted.get(id));
    this.#doubted.delete(id);
  }

  remove(id: EngineId): void {
    this.trust(id);
    this.#vitals.remove(id);
    void this.#controls.get(id)?.close();
    this.#controls.delete(id);
  }

  seen(id: EngineId): void {
    for (const verdict of this.#vitals.seen(id, performance.now())) this.#events.verdict(verdict);
  }

  #tick(): void {
    for (const verdict of this.#vitals.tick(performance.now())) this.#events.verdict(verdict);
    for (const [id, control] of this.#controls) this.#ping(id, control);
  }

  #ping(id: EngineId, control: ControlClient): void {
    const unanswered = () => {}; // the vitals judge silence
    control.ask({ type: 'ping' }, this.#vitals.interval * 2).then(() => this.seen(id), unanswered);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    for (const id of [...this.#doubted.keys()]) this.trust(id);
    await Promise.all([...this.#controls.values()].map((control) => control.close()));
    this.#controls.clear();
  }
}
