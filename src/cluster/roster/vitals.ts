import type { EngineId } from '../../protocol/messages.ts';

/** Milliseconds. */
export interface VitalsOptions {
  /** Between two heartbeats of an engine; default 1000. */
  readonly interval?: number;
  /** Silence after which an engine is suspect; default 5000. */
  readonly suspect?: number;
  /** Silence after which it counts as dead; default 15 000. */
  readonly dead?: number;
}

/** A change in what is known of an engine's health. */
export interface Verdict {
  readonly id: EngineId;
  readonly state: 'suspect' | 'recovered' | 'dead';
  /** Milliseconds of silence. */
  readonly silent: number;
}

interface Pulse {
  seen: number;
  suspect: boolean;
}

const NONE: readonly never[] = [];

/** How long each engine has been silent, without I/O: heartbeats and ticks of a monotonic clock go in, verdicts come out. */
export class Vitals {
  readonly interval: number;
  readonly #suspect: number;
  readonly #dead: number;
  readonly #pulses = new Map<EngineId, Pulse>();
  #lastTick: number;

  constructor({ interval = 1000, suspect = 5000, dead = 15_000 }: VitalsOptions, now: number) {
    this.interval = interval;
    this.#suspect = suspect;
    this.#dead = dead;
    this.#lastTick = now;
  }

  add(id: EngineId, now: number): void {
    this.#pulses.set(id, { seen: now, suspect: false });
  }

  remove(id: EngineId): void {
    this.#pulses.delete(id);
  }

  /** The engine has said something. */
  seen(id: EngineId, now: number): readonly Verdict[] {
    const pulse = this.#pulses.get(id);
    if (pulse === undefined) return NONE;
    const silent = now - pulse.seen;
    const { suspect } = pulse;
    pulse.seen = now;
    pulse.suspect = false;
    return suspect ? [{ id, state: 'recovered', silent }] : NONE;
  }

  /** Called about every `interval`: what has changed. */
  tick(now: number): readonly Verdict[] {
    this.#excuse(now);
    const verdicts: Verdict[] = [];
    for (const [id, pulse] of this.#pulses) {
      const verdict = this.#judge(id, pulse, now - pulse.seen);
      if (verdict !== undefined) verdicts.push(verdict);
    }
    return verdicts;
  }

  /** If this process itself slept (blocked loop, suspended host), the engines' heartbeats wait unread: not their silence. */
  #excuse(now: number): void {
    const slept = now - this.#lastTick - this.interval;
    if (slept > this.interval) for (const pulse of this.#pulses.values()) pulse.seen += slept;
    this.#lastTick = now;
  }

  #judge(id: EngineId, pulse: Pulse, silent: number): Verdict | undefined {
    if (silent >= this.#dead) return { id, state: 'dead', silent };
    if (silent < this.#suspect || pulse.suspect) return undefined;
    pulse.suspect = true;
    return { id, state: 'suspect', silent };
  }
}
