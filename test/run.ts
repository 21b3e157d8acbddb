// Runs every test file in its own process, two at a time, each under a time limit; ends with `N passed, N failed, N skipped`.
// `npm test -- [part of a file name …] [--grep 'part of a test name']` runs a selection.
// `--without 'part of a file name'` leaves files out, of all or of those that are chosen.
// TEST_AGAIN=1 runs files that failed once more at the end, alone, and says so: busy machines miss time limits.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

// Another folder only for the test of this file.
const HERE = process.env['TEST_FOLDER'] ?? fileURLToPath(new URL('.', import.meta.url));
const LIMIT_MS = Number(process.env['TEST_LIMIT_MS'] ?? 240_000);
const NOT_TESTS = ['run.js', `support${sep}`, `fixtures${sep}`, `data${sep}`];
const MAX_COMMANDS = 5;
/** More failures than these are not the machine's. */
const MAX_AGAIN = 8;

interface Outcome {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly output: string;
  readonly ms: number;
}

interface Selection {
  readonly files: readonly string[];
  /** Part of the names of tests; empty: all of them. */
  readonly grep: string;
}

function selection(): Selection {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { grep: { type: 'string', short: 'g' }, without: { type: 'string', multiple: true, default: [] } },
  });
  const files = testFiles(positionals).filter((file) => !values.without.some((part) => file.includes(part)));
  return { files, grep: values.grep ?? '' };
}

function testFiles(wanted: readonly string[]): string[] {
  const all = readdirSync(HERE, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.js'));
  const tests = all.filter((f) => !NOT_TESTS.some((no) => f.startsWith(no))).sort();
  return wanted.length === 0 ? tests : tests.filter((f) => wanted.some((w) => f.includes(w)));
}

/**
 * A file passes only if it exits 0 and uvu counted as many passes as tests: exit 0 alone proves nothing. A file without
 * any test fails too, unless tests are chosen by name.
 */
function judge(file: string, grep: string, output: string, code: number | null, ms: number): Outcome {
  const sum = (label: string) =>
    [...output.matchAll(new RegExp(`${label}:\\s+(\\d+)`, 'g'))].reduce((n, m) => n + Number(m[1]), 0);
  const skipped = output.split('\n').filter((line) => line.startsWith('SKIPPED '));
  const total = sum('Total');
  const passed = sum('Passed');
  const broken = code !== 0 || (total === 0 && skipped.length === 0 && grep === '');
  return { file, passed, failed: Math.max(total - passed, broken ? 1 : 0), skipped, output, ms };
}

/** Process groups of the files under way: groups of their own, which Ctrl-C in a terminal does not reach. */
const groups = new Set<number>();

function endWith(signal: NodeJS.Signals, code: number): void {
  process.once(signal, () => {
    for (const group of groups) process.kill(-group, 'SIGTERM');
    process.exit(code);
  });
}

function runFile(file: string, grep: string): Promise<Outcome> {
  const started = Date.now();
  const child = spawn(process.execPath, ['--enable-source-maps', `${HERE}${file}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, TEST_GREP: grep },
  });
  const group = child.pid as number;
  groups.add(group);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const timer = setTimeout(() => {
    output += `\nTIME LIMIT: ${file} ran longer than ${LIMIT_MS} ms\n`;
    process.kill(-group, 'SIGKILL');
  }, LIMIT_MS);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      groups.delete(group);
      resolve(judge(file, grep, output, code, Date.now() - started));
    });
  });
}

function report(outcome: Outcome): void {
  const { file, passed, failed, skipped, output, ms } = outcome;
  const notes = output.split('\n').filter((line) => line.startsWith('NOTE '));
  console.log(
    `${failed ? 'FAIL' : 'ok  '} ${nameOf(file).padEnd(34)} ${String(passed).padStart(4)} passed  ${(ms / 1000).toFixed(1)} s`,
  );
  for (const line of [...skipped, ...notes]) console.log(`     ${line}`);
  if (failed === 0) return;
  console.log(output.replace(/^/gm, '     | '));
  for (const command of commandsFor(outcome)) console.log(`     run it alone: ${command}`);
}

/** The name of a file on the command line: `unit/tensor/partition`. */
function nameOf(file: string): string {
  return file.replaceAll(sep, '/').replace(/\.js$/, '');
}

/** Shell commands that run the tests that failed, one at a time, or the whole file where no test is named. */
function commandsFor({ file, output }: Outcome): string[] {
  const command = `npm test -- ${nameOf(file)}`;
  const names = [...output.matchAll(/^ {3}FAIL {2}.* {2}"(.*)"$/gm)].map((match) => match[1] as string);
  if (names.length === 0 || names.length > MAX_COMMANDS) return [command];
  return names.map((name) => `${command} --grep '${name.replaceAll("'", `'\\''`)}'`);
}

/** Runs the files that failed once more, one at a time. Their second outcome counts. */
async function again(outcomes: Outcome[], grep: string): Promise<void> {
  const failed = outcomes.filter((outcome) => outcome.failed > 0);
  if (failed.length > MAX_AGAIN) return;
  for (const first of failed) {
    const second = await runFile(first.file, grep);
    console.log(
      `AGAIN, alone: ${nameOf(first.file)} ${second.failed > 0 ? 'failed again' : 'passed on the second try'}`,
    );
    report(second);
    outcomes[outcomes.indexOf(first)] = second;
  }
}

async function main(): Promise<void> {
  const { files, grep } = selection();
  const waiting = [...files];
  const outcomes: Outcome[] = [];
  const next = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const outcome = await runFile(file, grep);
      if (outcome.passed + outcome.failed + outcome.skipped.length === 0) continue;
      outcomes.push(outcome);
      report(outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, next));
  if (process.env['TEST_AGAIN'] === '1') await again(outcomes, grep);
  if (files.length === 0) console.log('no test file has such a name');
  else if (outcomes.length === 0) console.log(`no test has '${grep}' in its name`);
  const total = (pick: (o: Outcome) => number) => outcomes.reduce((n, o) => n + pick(o), 0);
  const failed = total((o) => o.failed);
  console.log(`${total((o) => o.passed)} passed, ${failed} failed, ${total((o) => o.skipped.length)} skipped`);
  process.exitCode = failed > 0 || outcomes.length === 0 ? 1 : 0;
}

endWith('SIGINT', 130);
endWith('SIGTERM', 143);
await main();
