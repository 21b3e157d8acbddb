import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { readWinners, tileCachePath } from '../../engines/contexts/measured-cache.ts';
import { Budget } from './budget.ts';
import { Child } from './child.ts';
import { ClockWatch } from './nvidia-smi.ts';
import type { Part } from './parts.ts';
import type { Preflight, preflight } from './preflight.ts';
import { Recorder, type Row } from './recorder.ts';
import { seedText, summarize, wrongRows } from './summary.ts';

/** Exit codes. */
export const EXIT = { right: 0, wrong: 1, usage: 2, noCard: 3 } as const;
/** The signals that end a run early, and the exit codes of a shell for them. */
export const SIGNALS: Partial<Record<NodeJS.Signals, number>> = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 };

/** Room that a temporary folder must have. */
const WANTED_BYTES = 2 ** 20;
/** Letters of a part's output that go into the JSON. */
const KEPT_WORDS = 2000;

/** The parts of a run, its limits and its outputs. */
export interface CheckupOptions {
  /** Seconds for everything. */
  readonly budget: number;
  /** The folder of the results. */
  readonly out: string;
  readonly software: boolean;
  readonly parts: readonly Part[];
  readonly find: typeof preflight;
  /** Takes each line for the terminal. */
  readonly print: (line: string) => void;
}

/** A run: its parts one after the other, each in a process of its own. */
export class Checkup {
  readonly #options: CheckupOptions;
  readonly #budget: Budget;
  readonly #recorder: Recorder;
  readonly #clocks = new ClockWatch();
  readonly #work: string;
  /** The last output of each part that runs. */
  readonly #words = new Map<string, string>();
  readonly #running = new Set<Child>();
  #isStopped = false;

  /** @throws the error of node:fs where the folder of the results cannot be written */
  constructor(options: CheckupOptions) {
    this.#options = options;
    this.#budget = new Budget(options.budget);
    this.#recorder = new Recorder(options.out, { ...machine(), budget: options.budget, software: options.software });
    this.#work = workFolder(options.out);
  }

  async run(): Promise<number> {
    const { software, find } = this.#options;
    const env = this.#environment();
    const found = await find({ software, work: this.#work, env }, (line) => this.#print(line)).catch(asError);
    if (found instanceof Error) return this.#failed(found);
    this.#recorder.note({ preflight: found });
    this.#describe(found);
    const parts = this.#options.parts.filter((part) => found.adapter !== undefined || part.byCuda === true);
    const isByCuda = found.adapter === undefined && found.cuda === true && !software;
    if (found.adapter === undefined && !isByCuda) return this.#finish(EXIT.noCard);
    if (!software) this.#clocks.start();
    await this.#measure({ ...env, ...found.env }, parts);
    if (this.#isStopped) return EXIT.wrong;
    if (isByCuda) return this.#finish(EXIT.noCard);
    return this.#finish(this.#isRight() ? EXIT.right : EXIT.wrong);
  }

  /** The search for an adapter fell down: no part can run. */
  #failed({ message }: Error): number {
    this.#print(`no adapter was looked for: ${message}`);
    return this.#finish(EXIT.wrong);
  }

  /** All that ran is right, something ran at all, and it is written down. */
  #isRight(): boolean {
    const { rows, parts, fault } = this.#recorder;
    const isMeasured = rows.some(({ verified }) => verified === true);
    if (!isMeasured) this.#print('nothing was measured: no row has a value that was compared');
    const failed = parts.some(({ code }) => code !== undefined && code !== 0);
    return isMeasured && !failed && wrongRows(rows).length === 0 && fault === undefined;
  }

  /** Ends what runs and writes down what there is. */
  stop(signal: NodeJS.Signals): number {
    this.#isStopped = true;
    for (const child of this.#running) child.kill();
    this.#recorder.note({ ended: signal });
    return this.#finish(SIGNALS[signal] ?? EXIT.wrong);
  }

  /** Its caches lie in its own folder: they do not stay behind, and older measurements do not count. */
  #environment(): NodeJS.ProcessEnv {
    const [home, cache] = ['home', 'cache'].map((name) => join(this.#work, name));
    return { ...process.env, DIRECTVIEW_HOME: home, XDG_CACHE_HOME: cache };
  }

  #describe({ adapter, cards, cuda, nodes, tried }: Preflight): void {
    this.#print(typeof cards === 'string' ? cards : cards.map((card) => Object.values(card).join(', ')).join('\n'));
    if (adapter === undefined) {
      const rest =
        cuda === true && !this.#options.software ? 'only what CUDA opens is measured' : 'nothing is measured';
      this.#print(`no hardware adapter, so ${rest} (--software rehearses):\n  ${tried.join('\n  ')}`);
      this.#print(`CUDA: ${cuda === true ? 'opens the card' : cuda}; in /dev: ${nodes.join(' ') || 'no GPU'}`);
      return;
    }
    const { limits, features, matrixConfigs } = adapter;
    this.#print(`adapter: ${adapter.adapter} (${adapter.driver})${adapter.software ? ', in software' : ''}`);
    this.#print(`features: ${features.join(' ')}`);
    this.#print(
      `limits: ${Object.entries(limits)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`,
    );
    this.#print(`matrices: ${matrixConfigs.map((one) => JSON.stringify(one)).join(' ') || 'none'}`);
  }

  async #measure(env: NodeJS.ProcessEnv, parts: readonly Part[]): Promise<void> {
    const early = new Map(parts.filter((part) => part.early === true).map((part) => [part, this.#start(part, env)]));
    for (const part of parts) {
      if (this.#isStopped) return;
      const share = this.#budget.shareOf(part.share);
      if (share === undefined) {
        const skipped = `${part.share.least} s are its least, ${this.#budget.left.toFixed(0)} s are left`;
        this.#recorder.part({ part: part.name, seconds: 0, skipped });
        this.#print(`SKIPPED ${part.name}: ${skipped}`);
        early.get(part)?.kill();
        continue;
      }
      await this.#one(part, early.get(part) ?? this.#start(part, env), share);
    }
  }

  #start(part: Part, env: NodeJS.ProcessEnv): Child {
    // This run does not measure other systems with their own engines: a Python that does not exist has none of them.
    const python = part.early === true ? {} : { DIRECTVIEW_PYTHON: '/nonexistent' };
    const child: Child = new Child(
      part.script,
      part.args,
      { ...env, ...python },
      {
        onRow: (row) => this.#row({ part: part.name, ...row }),
        onOutput: (text) => {
          this.#words.set(part.name, `${this.#words.get(part.name) ?? ''}${text}`.slice(-KEPT_WORDS));
          this.#recorder.log(text);
        },
      },
    );
    this.#running.add(child);
    return child;
  }

  async #one(part: Part, child: Child, share: number): Promise<void> {
    this.#print(`== ${part.name}, at ${this.#budget.spent.toFixed(0)} s, at most ${share.toFixed(0)} s`);
    this.#recorder.log(`\n== ${part.name}\n`);
    const started = performance.now();
    child.go();
    const code = await child.ended(share);
    this.#running.delete(child);
    if (this.#isStopped) return;
    const seconds = (performance.now() - started) / 1000;
    const words = code === 0 ? undefined : this.#words.get(part.name)?.trim();
    this.#recorder.part({ part: part.name, seconds, code, words });
    if (code === 0) return;
    const when = seconds < share ? '' : ', when its share was over';
    this.#print(`${part.name} ended with ${code} after ${seconds.toFixed(0)} s${when}: ${reasonOf(words)}`);
  }

  #row(row: Row): void {
    const clock = this.#clocks.sm;
    const whole = {
      ...row,
      at: Number(this.#budget.spent.toFixed(2)),
      ...(clock === undefined ? {} : { smMHz: clock }),
    };
    this.#recorder.row(whole);
    this.#print(lineOf(row));
  }

  #finish(code: number): number {
    this.#clocks.stop();
    const { rows } = this.#recorder;
    const winners = readWinners(tileCachePath(this.#environment()));
    this.#recorder.file('seed.ts', seedText(winners));
    const summary = summarize(rows);
    this.#recorder.note({ summary, seed: winners, seconds: this.#budget.spent, exitCode: code });
    if (code !== EXIT.noCard) {
      for (const { figure, value, wanted } of summary) {
        this.#print(
          `${figure}: ${value === undefined ? '–' : Number(value.toPrecision(4))}${wanted && `  (${wanted})`}`,
        );
      }
    }
    for (const row of wrongRows(rows)) this.#print(`WRONG ${lineOf(row)}`);
    this.#print(`${rows.length} rows in ${this.#budget.spent.toFixed(0)} s; written into ${this.#options.out}`);
    const { fault } = this.#recorder;
    if (fault !== undefined) this.#options.print(`NOT ALL WAS WRITTEN: ${fault}`);
    this.#forget();
    return code;
  }

  #forget(): void {
    try {
      rmSync(this.#work, { recursive: true, force: true, maxRetries: 3 });
    } catch (error) {
      // A process that was just killed may still write there.
      this.#options.print(`${this.#work} stays: ${(error as Error).message}`);
    }
  }

  #print(line: string): void {
    this.#options.print(line);
    this.#recorder.log(`${line}\n`);
  }
}

const asError = (error: unknown): Error => error as Error;

/** A folder for caches and for clusters: in the temporary folder, else beside the results, which then is that of all parts. */
function workFolder(out: string): string {
  try {
    const folder = mkdtempSync(join(tmpdir(), 'directview-checkup-'));
    // Some have room for a folder, and for nothing in it.
    try {
      writeFileSync(join(folder, 'room'), Buffer.alloc(WANTED_BYTES));
      return folder;
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  } catch {
    // Bare machines may have none, or one that is read-only or full.
    const folder = mkdtempSync(join(out, 'work-'));
    process.env['TMPDIR'] = folder;
    return folder;
  }
}

/** The last line that says why, of a part's output. */
function reasonOf(words = ''): string {
  const lines = words.split('\n').filter((line) => line.trim() !== '');
  const line = lines.findLast((one) => /error|lost|fail|wrong/i.test(one)) ?? lines.at(-1) ?? '';
  return line === '' ? 'it said nothing' : `${line.trim().slice(0, 200)} (log.txt has all of its words)`;
}

function machine(): Record<string, unknown> {
  return {
    date: new Date().toISOString(),
    machine: {
      arch: arch(),
      kernel: release(),
      cpu: cpus()[0]?.model,
      cores: cpus().length,
      memory: totalmem(),
      node: process.version,
    },
  };
}

/** The row in one short line. */
function lineOf({ part, verified, ...fields }: Row): string {
  const shown = Object.entries(fields).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value));
  const show = (value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value);
  const words = shown.map(([name, value]) => (typeof value === 'string' ? value : `${name} ${show(value)}`));
  const verdict = verified === undefined ? '' : verified === true ? 'right' : `WRONG: ${verified}`;
  return [part, ...words, verdict]
    .filter((word) => word !== '')
    .join('  ')
    .slice(0, 300);
}
