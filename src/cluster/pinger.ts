// Pings the control sockets of all engines and hands out the verdicts on them. The rim of vitals.ts.
import type { Transport } from '../comm/transport.ts';
import type { EngineId, EngineRecord } from '../protocol/messages.ts';
import { ControlProbe } from './control-probe.ts';
import { type Verdict, Vitals, type VitalsOptions } from './vitals.ts';

export class Pinger {
  readonly #transport: Transport;
  readonly #vitals: Vitals;
  readonly #onVerdict: (verdict: Verdict) => void;
  readonly #probes = new Map<EngineId, { readonly engine: EngineRecord; probe: ControlProbe }>();
  readonly #timer: NodeJS.Timeout;

  constructor(transport: Transport, options: VitalsOptions, onVerdict: (verdict: Verdict) => void) {
    this.#transport = transport;
    this.#vitals = new Vitals(options, performance.now());
    this.#onVerdict = onVerdict;
    this.#timer = setInterval(() => this.#tick(), this.#vitals.interval).unref();
  }

  /** @throws ConnectionError for a control endpoint that no one may connect to */
  add(engine: EngineRecord): void {
    this.#probes.set(engine.id, { engine, probe: new ControlProbe(this.#transport, engine) });
    this.#vitals.add(engine.id, performance.now());
  }

  remove(id: EngineId): void {
    this.#vitals.remove(id);
    void this.#probes.get(id)?.probe.close();
    this.#probes.delete(id);
  }

  seen(id: EngineId): void {
    for (const verdict of this.#vitals.seen(id, performance.now())) this.#onVerdict(verdict);
  }

  #tick(): void {
    for (const verdict of this.#vitals.tick(performance.now())) this.#onVerdict(verdict);
    for (const id of this.#probes.keys()) this.#ping(id);
  }

  #ping(id: EngineId): void {
    const unanswered = () => {}; // silence is judged by the vitals
    this.#probe(id)
      .ask('ping', this.#vitals.interval * 2)
      .then(() => this.seen(id), unanswered);
  }

  /** A link that broke under a living engine is opened anew. */
  #probe(id: EngineId): ControlProbe {
    const entry = this.#probes.get(id)!;
    if (entry.probe.isDown) {
      void entry.probe.close();
      entry.probe = new ControlProbe(this.#transport, entry.engine);
    }
    return entry.probe;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#probes.values()].map(({ probe }) => probe.close()));
    this.#probes.clear();
  }
}
