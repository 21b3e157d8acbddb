import type { Transport } from '../comm/transport.ts';
import type { EngineId, EngineRecord } from '../protocol/messages.ts';
import { ControlClient } from '../rpc/control-client.ts';
import { type Verdict, Vitals, type VitalsOptions } from './vitals.ts';

/** Pings the control threads of all engines and passes on the verdicts of `Vitals`, which judges by time alone. */
export class Pinger {
  readonly #transport: Transport;
  readonly #vitals: Vitals;
  readonly #onVerdict: (verdict: Verdict) => void;
  readonly #controls = new Map<EngineId, ControlClient>();
  readonly #timer: NodeJS.Timeout;

  constructor(transport: Transport, options: VitalsOptions, onVerdict: (verdict: Verdict) => void) {
    this.#transport = transport;
    this.#vitals = new Vitals(options, performance.now());
    this.#onVerdict = onVerdict;
    this.#timer = setInterval(() => this.#tick(), this.#vitals.interval).unref();
  }

  /** @throws ConnectionError for a control endpoint that nobody may connect to */
  add(engine: EngineRecord): void {
    const control = new ControlClient(this.#transport, engine);
    control.connect();
    this.#controls.set(engine.id, control);
    this.#vitals.add(engine.id, performance.now());
  }

  remove(id: EngineId): void {
    this.#vitals.remove(id);
    void this.#controls.get(id)?.close();
    this.#controls.delete(id);
  }

  seen(id: EngineId): void {
    for (const verdict of this.#vitals.seen(id, performance.now())) this.#onVerdict(verdict);
  }

  #tick(): void {
    for (const verdict of this.#vitals.tick(performance.now())) this.#onVerdict(verdict);
    for (const [id, control] of this.#controls) this.#ping(id, control);
  }

  #ping(id: EngineId, control: ControlClient): void {
    const unanswered = () => {}; // the vitals judge silence
    control.ask({ type: 'ping' }, this.#vitals.interval * 2).then(() => this.seen(id), unanswered);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#controls.values()].map((control) => control.close()));
    this.#controls.clear();
  }
}
