// `npm run report:trust`: injects every fault, and writes what was seen as JSON and as the table of docs/faults.md.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HOSTILE } from '../hostile/index.ts';
import { stopTargets } from '../hostile/target.ts';
import { FAULTS } from './index.ts';
import type { FaultRow, Seen } from './row.ts';

interface Line extends Seen {
  readonly number: number;
  readonly fault: string;
  readonly expected: string;
  readonly state: 'holds' | 'FAILS' | 'skipped';
}

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const PAGE = join(ROOT, 'docs/faults.md');
/** The tables of the page, by the marks around them. */
const TABLES = [
  { rows: FAULTS, begin: '<!-- table: npm run report:trust -->', end: '<!-- end of the table -->', what: 'fault' },
  { rows: HOSTILE, begin: '<!-- hostile: npm run report:trust -->', end: '<!-- end of hostile -->', what: 'input' },
] as const;

async function lineOf({ number, fault, expected, skip, run }: FaultRow): Promise<Line> {
  const row = { number, fault, expected };
  if (skip !== undefined) return { ...row, state: 'skipped', note: skip };
  try {
    return { ...row, state: 'holds', ...(await run()) };
  } catch (error) {
    console.error(error);
    return { ...row, state: 'FAILS', note: (error as Error).message.split('\n')[0] };
  }
}

function cells({ number, fault, expected, state, detected, note }: Line): string {
  const time =
    detected === undefined ? '' : detected < 1000 ? `${Math.round(detected)} ms` : `${(detected / 1000).toFixed(1)} s`;
  const outcome = state === 'holds' ? expected : `${state}: ${expected}`;
  return `| ${[number, fault, outcome, time, note ?? ''].join(' | ')} |`;
}

function table(what: string, lines: readonly Line[]): string {
  return [`| # | ${what} | outcome | told after | note |`, '|---|---|---|---|---|', ...lines.map(cells)].join('\n');
}

async function linesOf(rows: readonly FaultRow[]): Promise<Line[]> {
  const lines: Line[] = [];
  for (const row of rows) {
    const line = await lineOf(row);
    console.log(cells(line));
    lines.push(line);
  }
  return lines;
}

let page = readFileSync(PAGE, 'utf8');
const reports: Record<string, readonly Line[]> = {};
for (const { rows, begin, end, what } of TABLES) {
  const lines = await linesOf(rows);
  const [before, after] = [page.slice(0, page.indexOf(begin) + begin.length), page.slice(page.indexOf(end))];
  page = `${before}\n\n${table(what, lines)}\n\n${after}`;
  reports[what] = lines;
}
await stopTargets();
mkdirSync(join(ROOT, 'bench/results'), { recursive: true });
writeFileSync(
  join(ROOT, 'bench/results/trust.json'),
  `${JSON.stringify({ node: process.version, rows: reports['fault'], hostile: reports['input'] }, null, 2)}\n`,
);
writeFileSync(PAGE, page);
const all = Object.values(reports).flat();
const count = (state: Line['state']) => all.filter((line) => line.state === state).length;
console.log(`${count('holds')} hold, ${count('FAILS')} fail, ${count('skipped')} skipped`);
process.exitCode = count('FAILS') > 0 ? 1 : 0;
