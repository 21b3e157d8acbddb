import type { EngineView, StreamedFailure } from './engine-track.ts';
import { type Snapshot, waitingOn } from './snapshot.ts';

/** The facts on a screen, and its size; default: as large as it needs. */
export interface Screen {
  /** The name of the cluster. */
  readonly cluster: string;
  readonly snapshot: Snapshot;
  readonly failures: readonly StreamedFailure[];
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

type Column = readonly [title: string, cell: (engine: EngineView, now: number) => string, isText?: true];

const MOST_LABELS = 8;
const MOST_FAILURES = 3;

const COLUMNS: readonly Column[] = [
  ['id', ({ id }) => String(id)],
  ['device', ({ kind }) => kind, true],
  ['task', taskOf, true],
  ['queue', (engine) => count(waitingOn(engine))],
  ['done', ({ status }) => count(status?.completed ?? 0)],
  ['failed', ({ status }) => count((status?.labels ?? []).reduce((sum, { failed }) => sum + failed, 0))],
  ['tasks/s', ({ rates }) => count(rates.tasks)],
  ['CPU %', ({ status }) => percent(status?.cpu)],
  ['loop %', ({ status }) => percent(status?.utilization)],
  ['GPU %', ({ status }) => percent(status?.gpu?.busy)],
  ['memory', ({ status }) => bytes(status?.rss)],
  ['in/s', ({ rates }) => bytes(rates.bytesIn)],
  ['out/s', ({ rates }) => bytes(rates.bytesOut)],
];

/** The lines of a screen: sums, a row for each engine, labels, and the last failures. No line is longer than the screen. */
export function screenOf({ cluster, snapshot, failures, columns, rows }: Screen): string[] {
  const { engines, labels, queue, running, rates, cpu, at } = snapshot;
  const lines = [
    `${cluster}: ${engines.filter(({ state }) => state !== 'down').length} engines, ${running} running, ${count(queue)} waiting, ` +
      `${count(rates.tasks)} tasks/s, ${bytes(rates.bytesIn + rates.bytesOut)}/s, ${cpu.toFixed(1)} cores    ${clock(at)}`,
    '',
    ...table(
      COLUMNS.map(([title]) => title),
      engines.map((engine) => COLUMNS.map(([, cell]) => cell(engine, at))),
      COLUMNS.map(([, , isText]) => isText === true),
    ),
    '',
    ...labelLines(labels),
    ...failureLines(failures),
  ];
  const shown = rows === undefined ? lines : lines.slice(0, rows);
  return shown.map((line) => plain(line).slice(0, columns).trimEnd());
}

function labelLines(labels: Snapshot['labels']): string[] {
  const rows = labels
    .slice(0, MOST_LABELS)
    .map(({ label, queued, done, failed, ms }) => [
      label,
      count(queued),
      count(done),
      count(failed),
      done + failed > 0 ? duration(ms / (done + failed)) : '-',
    ]);
  return rows.length === 0 ? [] : table(['label', 'waiting', 'done', 'failed', 'mean'], rows, [true]);
}

function failureLines(failures: readonly StreamedFailure[]): string[] {
  const lines = failures
    .slice(-MOST_FAILURES)
    .reverse()
    .map(({ engine, label, ended, name, message }) => `${clock(ended)} [${engine}:${label}] ${name}: ${message}`);
  return lines.length === 0 ? [] : ['', ...lines];
}

function table(head: readonly string[], rows: readonly string[][], isText: readonly boolean[]): string[] {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] as string).length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (isText[i] ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
      .join('  ');
  return [head, ...rows].map(line);
}

function taskOf({ state, status }: EngineView, now: number): string {
  if (state !== 'up') return state === 'down' ? 'down' : 'no answer';
  if (status?.blockedMs !== undefined) return 'blocked';
  const task = status?.task;
  return task == null ? 'idle' : `${task.label.slice(0, 24)} ${duration(now - task.started)}`;
}

// Texts of engines must not steer the terminal.
function plain(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  return line.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

function percent(part: number | undefined): string {
  return part === undefined ? '-' : String(Math.round(100 * part));
}

function count(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)}M`;
  if (n >= 1e4) return `${(n / 1e3).toFixed(1)}k`;
  return n >= 100 || Number.isInteger(n) ? String(Math.round(n)) : n.toFixed(1);
}

function bytes(n: number | undefined): string {
  if (n === undefined) return '-';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const unit = Math.min(units.length - 1, n < 1 ? 0 : Math.floor(Math.log10(n) / 3));
  const value = n / 1000 ** unit;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min`;
}

function clock(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}
