// `npm run report:trust`: injects every fault, and writes what was seen as JSON and as the table of docs/faults.md.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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
const [BEGIN, END] = ['<!-- table: npm run report:trust -->', '<!-- end of the table -->'];

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

function table(lines: readonly Line[]): string {
  return ['| # | fault | outcome | told after | note |', '|---|---|---|---|---|', ...lines.map(cells)].join('\n');
}

const lines: Line[] = [];
for (const row of FAULTS) {
  const line = await lineOf(row);
  console.log(cells(line));
  lines.push(line);
}
mkdirSync(join(ROOT, 'bench/results'), { recursive: true });
writeFileSync(
  join(ROOT, 'bench/results/trust.json'),
  `${JSON.stringify({ node: process.version, rows: lines }, null, 2)}\n`,
);
const page = readFileSync(PAGE, 'utf8');
const [before, after] = [page.slice(0, page.indexOf(BEGIN) + BEGIN.length), page.slice(page.indexOf(END))];
writeFileSync(PAGE, `${before}\n\n${table(lines)}\n\n${after}`);
const count = (state: Line['state']) => lines.filter((line) => line.state === state).length;
console.log(`${count('holds')} hold, ${count('FAILS')} fail, ${count('skipped')} skipped`);
process.exitCode = count('FAILS') > 0 ? 1 : 0;
