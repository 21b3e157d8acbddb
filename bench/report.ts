// A folder of benchmark results (JSON) as one Markdown page with tables that line up and charts beside it. `node
// dist/bench/report.js FOLDER`, which bench/main does at its end; writes report.md and a PNG per chart into FOLDER.
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type BarGroup, barChart, type Chart } from './support/bar-chart.ts';
import { digits, type Figure, isTime } from './support/contest.ts';

interface Section {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
  readonly chart?: Chart;
}

interface MatmulRow {
  readonly provider: string;
  readonly shape: readonly number[];
  readonly kernel?: number;
  readonly resident?: number;
  readonly endToEnd?: number;
  readonly note?: string;
}

interface Run {
  readonly date: string;
  readonly machine: string;
  readonly load: readonly number[];
  readonly skipped: readonly string[];
}

const SECTIONS: Record<string, (data: never) => Section> = { overhead, pdot, matmul, scale, simulate };

function overhead(figures: readonly Figure[]): Section {
  const systems = [...new Set(figures.flatMap(({ beside = {} }) => Object.keys(beside)))];
  const rows = figures.map(({ name, value, unit, raw, peer, ratio, beside = {} }) => [
    name,
    `${digits(value)} ${unit}`,
    raw === undefined ? '' : `${digits(raw)} ${unit}`,
    peer === undefined ? '' : `${digits(peer)} ${unit}`,
    ratio === undefined ? '' : `${digits(ratio)} ×`,
    ...systems.map((system) => {
      const other = beside[system];
      return other === undefined ? '' : `${digits(other.value)} ${unit} (± ${digits(50 * other.spread)} %)`;
    }),
  ]);
  const groups = figures.flatMap(({ name, ratio, unit }): BarGroup[] =>
    ratio === undefined ? [] : [{ label: name, bars: [{ series: isTime(unit) ? 'quicker' : 'more', value: ratio }] }],
  );
  return section(
    'Overhead',
    [['figure', 'directview', 'zeromq alone', 'ipyparallel', 'better by', ...systems], ...rows],
    {
      title: 'Times better than ipyparallel',
      unit: '×',
      groups,
    },
  );
}

function pdot(data: { device: string; engines: number; threads: number; figures: readonly Figure[] }): Section {
  const rows = data.figures.map(({ name, value, peer, ratio, spread }) => [
    name,
    `${digits(value)} ms`,
    `${digits(100 * (spread ?? 0))} %`,
    peer === undefined ? '' : `${digits(peer)} ms`,
    ratio === undefined ? '' : `${digits(ratio)} ×`,
  ]);
  const groups = data.figures.map(({ name, value, peer }) => ({
    label: name,
    bars: [{ series: 'directview', value }, ...(peer === undefined ? [] : [{ series: 'ipyparallel', value: peer }])],
  }));
  const title = `pdot, ${data.engines} engines (${data.device}), threads of each: ${data.threads}, float32`;
  return section(title, [['size', 'directview', 'spread', 'ipyparallel', 'quicker by'], ...rows], {
    title,
    unit: 'ms',
    groups,
  });
}

function matmul({ rows, dtype }: { rows: readonly MatmulRow[]; dtype: string }): Section {
  const cell = (x: number | undefined) => (x === undefined ? '' : digits(x));
  const cells = rows.map(({ provider, shape, kernel, resident, endToEnd, note }) => [
    shape.join('×'),
    provider,
    cell(kernel),
    cell(resident),
    cell(endToEnd),
    note ?? '',
  ]);
  const title = `Products, ${dtype}, GFLOP/s`;
  // One colour a shape, one bar a provider; what did not run, has no bar.
  const groups = rows.flatMap(({ provider, shape, resident, endToEnd }): BarGroup[] => {
    const value = resident ?? endToEnd;
    return value === undefined ? [] : [{ label: provider, bars: [{ series: shape.join('×'), value }] }];
  });
  return section(title, [['m×k×n', 'provider', 'kernel', 'resident', 'end to end', ''], ...cells], {
    title,
    unit: 'GFLOP/s',
    groups,
  });
}

interface ScaleRow {
  readonly what: string;
  readonly engines: number;
  readonly value: number;
  readonly unit: string;
  readonly aim?: number;
}

function scale(data: readonly ScaleRow[]): Section {
  const rows = data.map(({ what, engines, value, unit, aim }) => [
    what,
    String(engines),
    `${digits(value)} ${unit}`,
    aim === undefined ? '' : `≤ ${aim}${value <= aim ? '' : ' (missed)'}`,
  ]);
  const groups = data.flatMap(({ what, engines, value, unit }): BarGroup[] =>
    unit === '%'
      ? [{ label: `${what.replace(': efficiency', '')}, ${engines}`, bars: [{ series: 'efficiency', value }] }]
      : [],
  );
  const chart = { title: 'Efficiency of more engines on one host', unit: '%', groups };
  return section('Scale', [['figure', 'engines', 'measured', 'aim'], ...rows], chart);
}

interface SimulatedRow {
  readonly what: string;
  readonly engines: number;
  readonly predicted: number;
  readonly measured?: number;
  readonly error?: number;
  readonly note?: string;
}

function simulate({ rows }: { rows: readonly SimulatedRow[] }): Section {
  const ms = (seconds: number | undefined) => (seconds === undefined ? '' : digits(1000 * seconds));
  const cells = rows.map(({ what, engines, predicted, measured, error, note = '' }) => [
    what,
    String(engines),
    ms(predicted),
    ms(measured),
    error === undefined ? '' : `${error.toFixed(0)} %`,
    note,
  ]);
  const groups = rows.flatMap(({ what, engines, predicted, measured }): BarGroup[] => {
    if (measured === undefined) return [];
    const bars = [
      { series: 'predicted', value: 1000 * predicted },
      { series: 'measured', value: 1000 * measured },
    ];
    return [{ label: `${what}, ${engines}`, bars }];
  });
  const chart = { title: 'The model beside the clock', unit: 'ms', groups };
  return section('Simulation', [['figure', 'engines', 'predicted ms', 'measured ms', 'error', 'by'], ...cells], chart);
}

function section(title: string, rows: Section['rows'], chart: Chart): Section {
  return chart.groups.length === 0 ? { title, rows } : { title, rows, chart };
}

/** Results that have no section of their own: rows of scalars as they are. */
function plain(name: string, data: unknown): Section | undefined {
  const list = Array.isArray(data) ? data : Object.values(data as object).find(Array.isArray);
  const rows = (list ?? []) as Record<string, unknown>[];
  const keys = Object.keys(rows[0] ?? {}).filter((key) => typeof rows[0]?.[key] !== 'object');
  if (keys.length === 0) return undefined;
  const show = (value: unknown) => (typeof value === 'number' ? digits(value) : String(value ?? ''));
  return { title: name, rows: [keys, ...rows.map((row) => keys.map((key) => show(row[key])))] };
}

/** Markdown whose source lines up too. */
function markdown(rows: Section['rows']): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, c) => Math.max(3, ...rows.map((row) => row[c]?.length ?? 0)));
  const rule = widths.map((width) => '-'.repeat(width));
  return [head, rule, ...body]
    .map((row) => `| ${widths.map((width, c) => (row[c] ?? '').padEnd(width)).join(' | ')} |`)
    .join('\n');
}

async function draw(folder: string, name: string, chart: Chart): Promise<string> {
  const { default: sharp } = await import('sharp');
  const file = `${name}.png`;
  await writeFile(
    join(folder, file),
    await sharp(Buffer.from(barChart(chart)))
      .png()
      .toBuffer(),
  );
  return `![${chart.title}](${file})`;
}

function heading(folder: string): string[] {
  const file = join(folder, 'run.json');
  if (!existsSync(file)) return ['# Benchmarks'];
  const { date, machine, load, skipped } = JSON.parse(readFileSync(file, 'utf8')) as Run;
  const loads = load.map((x) => x.toFixed(1)).join(' before, ');
  return ['# Benchmarks', `${date}, ${machine}, load ${loads} after.`, ...skipped.map((line) => `Skipped: ${line}`)];
}

/** Writes the report of the results in `folder`, and gives its path. */
export async function writeReport(folder: string): Promise<string> {
  const parts = heading(folder);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.json') && name !== 'run.json').sort();
  for (const file of files) {
    const name = file.replace(/\.json$/, '');
    const data: unknown = JSON.parse(await readFile(join(folder, file), 'utf8'));
    const made = SECTIONS[name]?.(data as never) ?? plain(name, data);
    if (made === undefined) continue;
    parts.push(`## ${made.title}`, markdown(made.rows));
    if (made.chart !== undefined) parts.push(await draw(folder, name, made.chart));
  }
  const report = join(folder, 'report.md');
  await writeFile(report, `${parts.join('\n\n')}\n`);
  return report;
}

if (process.argv[1]?.endsWith('report.js') === true) {
  const [folder] = parseArgs({ allowPositionals: true }).positionals;
  if (folder === undefined) throw new Error('usage: report.js FOLDER');
  console.log(await writeReport(folder));
}
