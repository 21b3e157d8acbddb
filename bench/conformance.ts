// Conformance of the matmul kernels on the adapter that is really used: every tile at every dtype and alignment, each
// product compared with the reference in full.
//   node dist/bench/conformance.js [--software] [--hardware] [--tiles PATTERN] [--every] [--jobs N] [--json FILE]
// Without a hardware adapter it says so and runs on the software GPU; with --hardware it does not run then. --tiles
// takes those whose name fits a regular expression. A software GPU compiles a kernel of a large tile for seconds, on one core:
// two processes share the work, and of large tiles a covering set runs (conformance/cases.ts); --every runs all.
// Exit code 1 for a wrong product, 3 for no adapter.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { probeAdapter } from '../engines/contexts/webgpu/dawn.ts';
import { table } from '../src/cli/table.ts';
import { softwareGpuEnv } from '../src/cluster/launchers/software-gpu.ts';
import type { Found, FromWorker, Outcome, ToWorker, Wish } from './conformance/worker.ts';
import { sendRow } from './support/rows.ts';

/** Milliseconds between two notes of how far it is. */
const NOTE_MS = 10_000;
const IN_SOFTWARE_JOBS = 2;

/** One run of the suite by some processes, which take group after group. */
class Suite {
  readonly outcomes: Outcome[] = [];
  found: Found | undefined;
  readonly #wish: Wish;
  readonly #started = performance.now();
  #noted = 0;
  #next = 0;

  constructor(wish: Wish) {
    this.#wish = wish;
  }

  /** Runs all cases. Gives the code of the first process that failed, or 0. */
  async run(jobs: number, env: NodeJS.ProcessEnv): Promise<number> {
    const codes = await Promise.all(Array.from({ length: jobs }, () => this.#worker(env)));
    return codes.find((code) => code !== 0) ?? 0;
  }

  async #worker(env: NodeJS.ProcessEnv): Promise<number> {
    const path = fileURLToPath(new URL('./conformance/worker.js', import.meta.url));
    const child = fork(path, [JSON.stringify(this.#wish)], { env });
    child.on('message', (message) => this.#take(message as FromWorker, child));
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? 1;
  }

  #take(message: FromWorker, child: ChildProcess): void {
    if ('found' in message) this.#begin(message.found);
    else if ('outcome' in message) this.#keep(message.outcome);
    else {
      const group = this.#next < (this.found?.groups ?? 0) ? this.#next++ : undefined;
      const told: ToWorker = { group };
      // It may have ended meanwhile, and its exit code tells.
      child.send(told, () => undefined);
    }
  }

  #begin(found: Found): void {
    if (this.found !== undefined) return;
    this.found = found;
    console.log(`adapter: ${found.adapter} (${found.driver})${found.software ? ', in software' : ''}`);
    for (const line of found.skipped) console.log(`SKIPPED ${line}`);
  }

  #keep(outcome: Outcome): void {
    this.outcomes.push(outcome);
    sendRow({ what: 'conformance', ...outcome, verified: outcome.fault ?? true });
    const now = performance.now() - this.#started;
    if (now - this.#noted < NOTE_MS && this.outcomes.length < (this.found?.cases ?? 0)) return;
    this.#noted = now;
    const { tile, dtype } = outcome;
    const wrong = this.outcomes.filter(({ fault }) => fault !== undefined).length;
    const done = `${this.outcomes.length} of ${this.found?.cases} cases`;
    process.stderr.write(`${done}, ${wrong} wrong, ${Math.round(now / 1000)} s: ${tile} ${dtype}\n`);
  }
}

function render(outcomes: readonly Outcome[]): string {
  const alignments = [...new Set(outcomes.map((o) => o.alignment))];
  const keys = [...new Set(outcomes.map((o) => `${o.tile} ${o.dtype}`))].sort();
  const cell = (key: string, alignment: string) => {
    const found = outcomes.find((o) => `${o.tile} ${o.dtype}` === key && o.alignment === alignment);
    return found === undefined ? '–' : found.fault === undefined ? 'right' : 'WRONG';
  };
  const rows = keys.map((key) => [...key.split(' '), ...alignments.map((alignment) => cell(key, alignment))]);
  return table(['tile', 'dtype', ...alignments], rows).trimEnd();
}

/** JSON with one line for each case. */
function recordText(record: object, outcomes: readonly Outcome[]): string {
  const lines = outcomes.map(({ fault, ...one }) => `    ${JSON.stringify({ ...one, verified: fault ?? true })}`);
  const head = JSON.stringify(record, null, 2).slice(0, -2);
  return `${head},\n  "outcomes": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** Runs the suite, and tells its outcome. */
async function conformance(
  wish: Wish,
  jobs: number,
  env: NodeJS.ProcessEnv,
  json: string | undefined,
): Promise<number> {
  const suite = new Suite(wish);
  const code = await suite.run(jobs, env);
  const { found, outcomes } = suite;
  console.log(render(outcomes));
  const wrong = outcomes.filter(({ fault }) => fault !== undefined);
  for (const { tile, dtype, shape, fault } of wrong) console.log(`WRONG ${tile} ${dtype} ${shape}: ${fault}`);
  const { adapter, driver, software, cases = 0 } = found ?? {};
  if (json !== undefined) {
    const record = { date: new Date().toISOString(), adapter, driver, software, cases, wrong: wrong.length };
    await writeFile(json, recordText(record, outcomes));
  }
  const missing = cases - outcomes.length;
  console.log(`${outcomes.length} cases, ${wrong.length} wrong${missing > 0 ? `, ${missing} did not run` : ''}`);
  return code !== 0 || wrong.length > 0 || missing > 0 || cases === 0 ? 1 : 0;
}

/** Processes: not more than there are cores. @throws RangeError for another value than a count */
function jobsOf(asked: string | undefined, usual: number): number {
  const jobs = Number(asked ?? usual);
  if (Number.isSafeInteger(jobs) && jobs > 0) return Math.min(jobs, availableParallelism());
  throw new RangeError(`--jobs takes a number of processes, not ${asked}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      software: { type: 'boolean', default: false },
      hardware: { type: 'boolean', default: false },
      tiles: { type: 'string', default: '' },
      every: { type: 'boolean', default: false },
      jobs: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const { tiles, every, json } = values;
  const probe = values.software ? undefined : await probeAdapter({ threads: 1 });
  if (probe?.ok === true) {
    return conformance({ software: false, tiles, every }, jobsOf(values.jobs, 1), process.env, json);
  }
  if (probe !== undefined) console.log(`no hardware adapter: ${probe.reason}`);
  if (values.hardware) return 3;
  // The Vulkan loader reads its variables when a process starts.
  const env = await softwareGpuEnv().catch((error: Error) => error);
  if (env instanceof Error) {
    console.log(`no software adapter: ${env.message}`);
    return 3;
  }
  const jobs = jobsOf(values.jobs, IN_SOFTWARE_JOBS);
  return conformance({ software: true, tiles, every }, jobs, { ...process.env, ...env }, json);
}

process.exitCode = await main();
