import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { type DeviceChoice, type EngineOptions, UNHANDLED_MARK } from '../../../protocol/engine-options.ts';
import type { Fate } from '../../../protocol/messages/fate.ts';
import type { EngineId } from '../../../protocol/messages.ts';
import { timerMs } from '../../../rpc/timer-ms.ts';
import type { EngineExit, EngineHandle } from '../launcher.ts';
import { LogFile } from './log-file.ts';
import { OutputTail } from './output-tail.ts';
import { RecordReader } from './record-reader.ts';
import { spawned } from './spawned.ts';
import { UnhandledLines } from './unhandled-lines.ts';

/** One engine process to start. */
export interface SpawnOptions {
  readonly slot: EngineId;
  /** The path of the engine's entry file. Launchers start engines and never import them. */
  readonly entry: string;
  readonly engine: EngineOptions;
  readonly env: NodeJS.ProcessEnv;
  /** The working directory. */
  readonly cwd: string;
  /** `stderr` passes all of its output on to our stderr, `none` only errors that nobody handled. */
  readonly echo: 'none' | 'stderr';
  /** Is told each error that nobody handled. */
  readonly onUnhandled?: ((report: string) => void) | undefined;
  /** Is told its text outside of tasks, in chunks. */
  readonly onText?: ((text: string) => void) | undefined;
  /** The path of the file that takes what the engine prints outside of tasks; undefined: none. */
  readonly log?: string | undefined;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * One local engine process in a process group of its own. It gets its options on a stdin that stays open as long as its
 * owner lives.
 */
export class EngineProcess implements EngineHandle {
  readonly slot: EngineId;
  readonly pid: number;
  /** Never rejects. */
  readonly ended: Promise<EngineExit>;
  readonly #child: Child;
  readonly #tail = new OutputTail();
  readonly #log: LogFile | undefined;
  readonly #record = new RecordReader();
  #isOver = false;

  constructor({ slot, entry, engine, env, cwd, echo, log, onUnhandled, onText }: SpawnOptions) {
    this.slot = slot;
    this.#log = log === undefined ? undefined : new LogFile(log);
    this.#log?.write(''); // the file is there, however little the engine says
    // `detached` makes a process group: Ctrl-C reaches the owner alone, and a kill reaches the engine's children too.
    const { fd } = this.#record;
    const stdio: ['pipe', 'pipe', 'pipe', ...number[]] = ['pipe', 'pipe', 'pipe', ...(fd === undefined ? [] : [fd])];
    const args = [...NO_INSPECTOR, ...heapFlags(engine.device), entry];
    this.#child = this.#start(() => spawn(process.execPath, args, { env, cwd, detached: true, stdio }) as Child);
    this.pid = this.#child.pid ?? -1;
    this.ended = this.#watch();
    for (const stream of [this.#child.stdout, this.#child.stderr]) this.#follow(stream, echo, onUnhandled, onText);
    this.#child.stdin.on('error', () => {}); // EPIPE when it dies at once; `exit` says more
    this.#child.stdin.write(`${JSON.stringify({ ...engine, record: fd !== undefined })}\n`);
  }

  /** @throws ClusterError without descriptors */
  #start(start: () => Child): Child {
    try {
      return spawned(start(), `engine ${this.slot}`);
    } catch (error) {
      this.#record.close();
      this.#log?.close();
      throw error;
    }
  }

  #follow(
    stream: Readable,
    echo: SpawnOptions['echo'],
    onUnhandled: SpawnOptions['onUnhandled'],
    onText: SpawnOptions['onText'],
  ): void {
    const unhandled = new UnhandledLines();
    stream.setEncoding('utf8').on('data', (text: string) => {
      this.#tail.write(text);
      const plain = text.replaceAll(UNHANDLED_MARK, '');
      this.#log?.write(plain);
      onText?.(plain);
      if (echo === 'stderr') process.stderr.write(text.replace(/^(?=.)/gm, `[engine ${this.slot}] `));
      const reports = unhandled.write(text);
      if (echo !== 'stderr') for (const line of reports) process.stderr.write(`[engine ${this.slot}] ${line}\n`);
      if (reports.length > 0) onUnhandled?.(reports.join('\n'));
    });
  }

  /** Resolves shortly after the exit, as the last output may arrive after it. */
  #watch(): Promise<EngineExit> {
    return new Promise((resolve) => {
      const over = (code: number | null, signal: NodeJS.Signals | null, error?: Error) => {
        if (this.#isOver) return;
        this.#isOver = true;
        this.#record.close();
        killGroup(this.pid); // processes that user code started and left behind
        const exit = { handle: this, code, signal, error };
        const end = () => {
          clearTimeout(timer);
          this.#log?.close();
          resolve(exit);
        };
        const timer = setTimeout(end, DRAIN_MS);
        this.#child.once('close', end);
      };
      this.#child.once('exit', over);
      this.#child.once('error', (error) => over(null, null, error));
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  output(lines?: number): string {
    return this.#tail.lines(lines);
  }

  fate(): Fate | undefined {
    return this.#record.read();
  }

  /** Sends SIGKILL to the whole group, other signals to the engine alone. */
  signal(signal: NodeJS.Signals): void {
    if (this.#isOver) return;
    if (signal === 'SIGKILL') killGroup(this.pid);
    else this.#child.kill(signal);
  }

  /** Asks, waits `grace` ms, kills. The engine notices the end of stdin even while user code keeps its main thread busy. */
  async stop(grace: number): Promise<void> {
    this.signal('SIGTERM');
    this.#child.stdin.end();
    const timer = setTimeout(() => this.signal('SIGKILL'), timerMs(grace));
    await this.ended;
    clearTimeout(timer);
  }
}

/** No inspector opens on SIGUSR1, not even before the engine listens to that signal; older Nodes do not know it. */
const NO_INSPECTOR = process.allowedNodeEnvironmentFlags.has('--disable-sigusr1') ? ['--disable-sigusr1'] : [];

/** Milliseconds that the pipes of an exited engine get to deliver their rest (a grandchild may hold them open). */
const DRAIN_MS = 200;

function killGroup(pid: number): void {
  if (pid <= 0) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // ESRCH: the group is empty
  }
}

/** An engine without a device makes little garbage: a small heap saves a fifth of its memory. */
function heapFlags(device: DeviceChoice): readonly string[] {
  return device === 'none' ? ['--max-semi-space-size=1', '--optimize-for-size'] : [];
}
