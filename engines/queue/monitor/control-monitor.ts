import process from 'node:process';
import { setInterval } from 'node:timers';
import type { CardChoice } from '../../../src/protocol/engine-options.ts';
import type { EngineStatus } from '../../../src/protocol/messages/control.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import type { HeldMemory, LabelTotals, RecentTasks, TaskFailure } from '../../../src/protocol/messages/monitoring.ts';
import { steadyMs } from './steady-clock.ts';
import type { TaskRing } from './task-ring.ts';

const SAMPLE_MS = 1000;
/** Milliseconds without a note of the main thread's loop after which it is at work. */
const SLACK_MS = 600;
const MAX_FAILURES = 64;

interface Sample {
  readonly at: number;
  /** Milliseconds of CPU. */
  readonly cpu: number;
  readonly active: number;
  readonly idle: number;
}

/** The control thread's part of the engine's monitor: it answers while the main thread computes. */
export class ControlMonitor {
  readonly #ring: TaskRing;
  #failures: TaskFailure[] = [];
  #held: HeldMemory | null = null;
  #older: Sample;
  #newer: Sample;
  /** The address for a debugger. */
  inspector: string | undefined;
  /** The seed of `engine.random`. */
  seed: number | undefined;
  /** The index of the card that the engine computes on. */
  card: number | undefined;

  constructor(ring: TaskRing) {
    this.#ring = ring;
    this.#older = this.#sample();
    this.#newer = this.#older;
  }

  /** Takes a sample each second from now on. */
  watch(): void {
    setInterval(() => {
      this.#older = this.#newer;
      this.#newer = this.#sample();
    }, SAMPLE_MS).unref();
  }

  #sample(): Sample {
    const at = steadyMs();
    const { user, system } = process.cpuUsage();
    return { at, cpu: (user + system) / 1000, ...this.#ring.loop(at, SLACK_MS) };
  }

  /** The main thread has counted its memory. */
  held(memory: HeldMemory): void {
    this.#held = memory;
  }

  /** A task has failed. */
  failed(failure: TaskFailure): void {
    this.#failures.push(failure);
    if (this.#failures.length > 2 * MAX_FAILURES) this.#failures = this.#failures.slice(-MAX_FAILURES);
  }

  /** The fields of a status. */
  status(): Partial<EngineStatus> {
    const now = this.#sample();
    const from = this.#older;
    const loop = now.active - from.active + now.idle - from.idle;
    const labels = this.#ring.totals();
    const sum = (pick: (label: LabelTotals) => number) => labels.reduce((total, label) => total + pick(label), 0);
    return {
      task: this.#ring.current(),
      labels,
      memory: this.#held,
      cpu: now.at > from.at ? (now.cpu - from.cpu) / (now.at - from.at) : 0,
      cpuMs: now.cpu,
      utilization: loop > 0 ? Math.min(1, (now.active - from.active) / loop) : 0,
      bytesIn: sum(({ bytesIn }) => bytesIn),
      bytesOut: sum(({ bytesOut }) => bytesOut),
      ...(this.card === undefined ? {} : { gpu: { index: this.card } }),
      seed: this.seed,
      ...(this.inspector === undefined ? {} : { inspector: this.inspector }),
    };
  }

  /** The tasks from that number on, and the failures among the last ones. */
  recent(since: number): RecentTasks {
    const tasks = this.#ring.since(since);
    const failures = this.#failures.slice(-MAX_FAILURES);
    const ids = new Set(tasks.flatMap(({ id, status }) => (status === 'ok' ? [] : [id])));
    return { count: this.#ring.count, tasks, failures: failures.filter(({ id }) => since === 0 || ids.has(id)) };
  }
}

const ON_CARDS: readonly DeviceReport['kind'][] = ['webgpu', 'headlessgl', 'tensorflow'];

/** The index of the card that this device is; undefined for a processor, and for a card that was chosen by name. `wanted`: the option. */
export function cardOf({ kind, software, adapter }: DeviceReport, wanted: CardChoice = 0): number | undefined {
  const isCard = ON_CARDS.includes(kind) && !software && /nvidia|geforce|tesla|quadro|rtx|gpu/i.test(adapter);
  return isCard && typeof wanted === 'number' ? wanted : undefined;
}
