// The forms in which a snapshot is told: sums, Prometheus, the terminal.
import * as assert from 'uvu/assert';
import type { EngineView } from '../../../src/dashboard/engine-track.ts';
import { metricsText } from '../../../src/dashboard/metrics.ts';
import { snapshotOf } from '../../../src/dashboard/snapshot.ts';
import { screenOf } from '../../../src/dashboard/terminal.ts';
import type { EngineStatus } from '../../../src/protocol/messages/control.ts';
import { suite } from '../../support/suite.ts';

const test = suite('dashboard/texts');

const sums = { queued: 2, done: 30, failed: 1, aborted: 0, ms: 3100, bytesIn: 1000, bytesOut: 2000 };
const status: EngineStatus = {
  uuid: 'u',
  pid: 7,
  running: 'c:9',
  queue: [],
  outbox: [],
  completed: 31,
  rss: 90e6,
  task: { id: 'c:9', client: 'c', label: 'fit\u001b[2J "x"', started: 9000, bytesIn: 5 },
  labels: [
    { label: 'fit', ...sums },
    { label: 'a "b"\\\n', ...sums, queued: 0 },
  ],
  cpu: 0.5,
  cpuMs: 1500,
  utilization: 0.25,
  bytesIn: 2000,
  bytesOut: 4000,
  gpu: { index: 0, busy: 0.4, used: 1e9, total: 4e9 },
};
const engine = (id: number, more: Partial<EngineView> = {}): EngineView => ({
  id,
  pid: 7,
  kind: 'cpu',
  adapter: 'x',
  state: 'up',
  status,
  rates: { tasks: 3, bytesIn: 10, bytesOut: 20 },
  ...more,
});
const engines = [
  engine(0),
  engine(1),
  engine(2, { state: 'down' }),
  engine(3, { status: null, state: 'silent', rates: { tasks: 0, bytesIn: 0, bytesOut: 0 } }),
];
const snapshot = snapshotOf(engines, 10_000);

test('sums over engines: of those that are there; by label of all that ever were', () => {
  assert.equal(
    [snapshot.queue, snapshot.running, snapshot.cpu, snapshot.rates],
    [4, 2, 1, { tasks: 6, bytesIn: 20, bytesOut: 40 }],
  );
  const [fit] = snapshot.labels;
  assert.equal([fit?.label, fit?.done, fit?.failed, fit?.queued], ['fit', 90, 3, 4]);
});

test('Prometheus: one name, help and type a metric, and texts that cannot end a line', () => {
  const lines = metricsText(snapshot).trimEnd().split('\n');
  assert.ok(lines.includes('# TYPE directview_tasks_total counter'));
  assert.ok(lines.includes('directview_tasks_total{engine="0",label="fit",status="ok"} 30'));
  assert.ok(lines.includes('directview_tasks_total{engine="1",label="a \\"b\\"\\\\\\n",status="error"} 1'));
  assert.ok(lines.includes('directview_engine_up{engine="3"} 0'));
  assert.ok(lines.includes('directview_gpu_busy{engine="0"} 0.4'));
  assert.not.match(lines.join('\n'), /engine="2"/);
  for (const line of lines) assert.match(line, /^(# (HELP|TYPE) directview_\w+ .+|directview_\w+\{.+\} [\d.e+-]+)$/);
  const names = lines.flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []);
  assert.is(new Set(names).size, names.length);
});

test('the terminal: rows for engines, no escape of an engine, nothing over the edge', () => {
  const failure = {
    engine: 1,
    id: 'c:8',
    label: 'fit',
    ended: 9000,
    name: 'Error',
    message: 'two\nlines',
    traceback: '',
  };
  const lines = screenOf({ cluster: 'default', snapshot, failures: [failure], columns: 70, rows: 12 });
  assert.match(lines[0] ?? '', /^default: 3 engines, 2 running, 4 waiting, 6 tasks\/s/);
  assert.match(lines[3] ?? '', /^ 0 {2}cpu +fit \[2J "x" 1\.0 s/);
  assert.match(lines[5] ?? '', /down/);
  assert.match(lines[6] ?? '', /no answer/);
  assert.is(lines.length, 12);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
  assert.ok(lines.every((line) => line.length <= 70 && !/[\u0000-\u001f]/.test(line)));
  const all = screenOf({ cluster: 'default', snapshot, failures: [failure] });
  assert.match(all.at(-1) ?? '', /\[1:fit\] Error: two lines$/);
});

test.run();
