import type { LabelTotals } from '../protocol/messages/monitoring.ts';
import type { EngineView, Rates, StreamedTask } from './engine-track.ts';

/** A cluster at one moment. */
export interface Snapshot {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly engines: readonly EngineView[];
  /** Sums by label over all engines, the largest first. */
  readonly labels: readonly LabelTotals[];
  /** Tasks that wait. */
  readonly queue: number;
  /** Engines that run a task. */
  readonly running: number;
  /** Cores that engines keep busy. */
  readonly cpu: number;
  readonly rates: Rates;
}

/** The sums over these engines. */
export function snapshotOf(engines: readonly EngineView[], at: number): Snapshot {
  const live = engines.filter(({ state }) => state !== 'down');
  const sum = (of: (engine: EngineView) => number) => live.reduce((total, engine) => total + of(engine), 0);
  return {
    at,
    engines,
    labels: totalsOf(engines),
    queue: sum(waitingOn),
    running: sum(({ status }) => (status?.running == null ? 0 : 1)),
    cpu: sum(({ status }) => status?.cpu ?? 0),
    rates: {
      tasks: sum(({ rates }) => rates.tasks),
      bytesIn: sum(({ rates }) => rates.bytesIn),
      bytesOut: sum(({ rates }) => rates.bytesOut),
    },
  };
}

/** The snapshot, with tasks in its sums that have ended after it. */
export function withTasks(snapshot: Snapshot, tasks: readonly StreamedTask[]): Snapshot {
  const all = new Map(snapshot.labels.map((totals) => [totals.label, totals]));
  for (const { label, status, started, ended, bytesIn, bytesOut } of tasks) {
    const is = (one: StreamedTask['status']) => Number(status === one);
    const own = { label, queued: 0, done: is('ok'), failed: is('error'), aborted: is('aborted') };
    all.set(label, plus(all.get(label), { ...own, ms: ended - started, bytesIn, bytesOut }));
  }
  return { ...snapshot, labels: [...all.values()] };
}

/** Tasks that wait on this engine. */
export function waitingOn({ status }: EngineView): number {
  return status?.labels?.reduce((sum, { queued }) => sum + queued, 0) ?? 0;
}

/** Sums by label over these engines. Nothing waits on an engine that is gone. */
export function totalsOf(engines: readonly EngineView[]): LabelTotals[] {
  const all = new Map<string, LabelTotals>();
  for (const { state, status } of engines) {
    for (const { label, ...own } of status?.labels ?? []) {
      const queued = state === 'down' ? 0 : own.queued;
      all.set(label, plus(all.get(label), { label, ...own, queued }));
    }
  }
  return [...all.values()].sort((a, b) => b.ms - a.ms || b.done - a.done);
}

function plus(a: LabelTotals | undefined, b: LabelTotals): LabelTotals {
  if (a === undefined) return b;
  return {
    label: b.label,
    queued: a.queued + b.queued,
    done: a.done + b.done,
    failed: a.failed + b.failed,
    aborted: a.aborted + b.aborted,
    ms: a.ms + b.ms,
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
  };
}
