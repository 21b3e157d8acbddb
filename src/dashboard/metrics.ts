import type { EngineView } from './engine-track.ts';
import { type Snapshot, waitingOn } from './snapshot.ts';

type Labels = Readonly<Record<string, string | number>>;
type Sample = readonly [labels: Labels, value: number];

/** A metric: its type, its text for people, and its samples of one engine. */
interface Metric {
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  of(engine: EngineView): readonly Sample[];
}

/** A sample where the engine tells this number. */
function known(value: number | undefined, labels: Labels = {}): readonly Sample[] {
  return value === undefined ? [] : [[labels, value]];
}

const METRICS: Readonly<Record<string, Metric>> = {
  directview_engine_up: {
    type: 'gauge',
    help: '1 if the engine answers',
    of: ({ state }) => known(state === 'up' ? 1 : 0),
  },
  directview_queue_length: { type: 'gauge', help: 'Tasks that wait', of: (engine) => known(waitingOn(engine)) },
  directview_running_tasks: {
    type: 'gauge',
    help: 'Tasks that run',
    of: ({ status }) => known(status?.running == null ? 0 : 1),
  },
  directview_tasks_total: {
    type: 'counter',
    help: 'Tasks that ended',
    of: ({ status }) =>
      (status?.labels ?? []).flatMap(({ label, done, failed, aborted }): Sample[] => [
        [{ label, status: 'ok' }, done],
        [{ label, status: 'error' }, failed],
        [{ label, status: 'aborted' }, aborted],
      ]),
  },
  directview_task_seconds_total: {
    type: 'counter',
    help: 'Seconds that tasks ran',
    of: ({ status }) => (status?.labels ?? []).map(({ label, ms }): Sample => [{ label }, ms / 1000]),
  },
  directview_bytes_total: {
    type: 'counter',
    help: 'Bytes of arguments (in) and results (out)',
    of: ({ status }) => [
      ...known(status?.bytesIn, { direction: 'in' }),
      ...known(status?.bytesOut, { direction: 'out' }),
    ],
  },
  directview_resident_memory_bytes: {
    type: 'gauge',
    help: 'Resident set of the process',
    of: ({ status }) => known(status?.rss),
  },
  directview_cpu_seconds_total: {
    type: 'counter',
    help: 'Seconds of CPU',
    of: ({ status }) => known(status?.cpuMs === undefined ? undefined : status.cpuMs / 1000),
  },
  directview_loop_utilization: {
    type: 'gauge',
    help: 'Part of the time in which the event loop was at work',
    of: ({ status }) => known(status?.utilization),
  },
  directview_gpu_busy: {
    type: 'gauge',
    help: 'Part of the time in which the card computed',
    of: ({ status }) => known(status?.gpu?.busy),
  },
  directview_gpu_memory_bytes: {
    type: 'gauge',
    help: 'Memory of the card in use, of all processes',
    of: ({ status }) => known(status?.gpu?.used),
  },
};

/** The snapshot in the text form of Prometheus, version 0.0.4. */
export function metricsText({ engines }: Snapshot): string {
  const parts = Object.entries(METRICS).map(([name, { type, help, of }]) => {
    const lines = engines
      .filter(({ state }) => state !== 'down')
      .flatMap((engine) => of(engine).map(([labels, value]) => line(name, { engine: engine.id, ...labels }, value)));
    return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].join('\n');
  });
  return `${parts.join('\n')}\n`;
}

function line(name: string, labels: Labels, value: number): string {
  const inner = Object.entries(labels).map(([key, text]) => `${key}="${escaped(String(text))}"`);
  return `${name}{${inner.join(',')}} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
