import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { AbortError, ClusterError } from '../../../../errors.ts';
import type { EngineId } from '../../../../protocol/messages.ts';
import { timerMs } from '../../../../rpc/timer-ms.ts';
import { isPlainObject, shown } from '../../../../util/checks.ts';
import type { Launcher, LauncherJson, LaunchRequest, Placement, StopOptions } from '../../launcher.ts';
import { OutputTail } from '../../process/output-tail.ts';
import { spawned } from '../../process/spawned.ts';
import { GivenPlaces } from '../given-places.ts';
import { wordsOf } from '../scheduler-command.ts';

/** The options of `{ kind: 'mpi' }`. */
export interface MpiOptions {
  /** The program; default `mpirun`. */
  readonly mpirun?: string | undefined;
  /** Its arguments before the program, as `['--hostfile', 'hosts', '--oversubscribe']`. */
  readonly arguments?: readonly string[] | undefined;
  /** How many engines each process of MPI looks after; default 1. */
  readonly perAgent?: number | undefined;
}

type Checked = Required<{ [K in keyof MpiOptions]: NonNullable<MpiOptions[K]> }>;

/** One mpirun with the engines of one start. */
interface Run {
  readonly slots: readonly EngineId[];
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<void>;
  isAsked: boolean;
}

const GRACE_MS = 5000;
/** Milliseconds in which mpirun ends after its processes have. */
const LEAVE_MS = 5000;
/** A fault of the command line shows within so many milliseconds. */
const FAULT_MS = 300;

/**
 * Open MPI's mpirun: one process for each agent, of which one may die without the others. They get their options in a private file,
 * because only the first process has a standard input. The engines listen on tcp, with keys.
 */
export class MpiLauncher implements Launcher {
  readonly kind = 'mpi';
  readonly lifetime = 'attached';
  readonly #options: Checked;
  readonly #runs = new Set<Run>();
  readonly #given = new GivenPlaces();
  readonly #listeners: ((placement: Placement) => void)[] = [];

  constructor(options: Checked) {
    this.#options = options;
  }

  async start({ slots, agent }: LaunchRequest, signal?: AbortSignal): Promise<readonly Placement[]> {
    if (signal?.aborted) throw new AbortError('the start was aborted', { cause: signal.reason });
    this.#given.take(slots);
    const { mpirun, arguments: args, perAgent } = this.#options;
    const processes = String(Math.ceil(slots.length / perAgent));
    const command = [...agent.command, '--options-file', agent.file({ perAgent })];
    const run = this.#run(slots, processes, [mpirun, '--enable-recovery', '-np', processes, ...args, ...command]);
    await Promise.race([run.ended, pause(FAULT_MS, undefined, { ref: false })]);
    return [{ slots, state: 'starting' }];
  }

  #run(slots: readonly EngineId[], processes: string, [program = '', ...args]: readonly string[]): Run {
    // A group of its own: Ctrl-C ends engines by way of their agents.
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    const child = spawned(spawn(program, args, { stdio, detached: true }), program);
    const [out, err] = [new OutputTail(), new OutputTail()];
    child.stdout.setEncoding('utf8').on('data', (text: string) => out.write(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => err.write(text));
    const ended = new Promise<string>((resolve) => {
      child.once('error', ({ message }) => resolve(`could not be run: ${message}`));
      child.once('close', (code, killer) => {
        const words = TOO_FEW.test(err.lines(ALL))
          ? fewSlots(processes)
          : plain(wordsOf({ out: out.lines(), err: err.lines() }));
        resolve(`ended (${killer ?? `code ${code}`})${words === '' ? '' : `: ${words}`}`);
      });
    }).then((text) => this.#over(run, text));
    const run: Run = { slots, child, ended, isAsked: false };
    this.#runs.add(run);
    return run;
  }

  #over(run: Run, text: string): void {
    this.#runs.delete(run);
    // A process of MPI outlives an mpirun that is killed: its engines go on until somebody knows better.
    const cause = run.child.signalCode === null ? 'exit' : 'unknown';
    const why = run.isAsked ? 'was stopped with its mpirun' : `lost its mpirun, which ${text}`;
    for (const listener of this.#listeners) listener({ slots: run.slots, state: 'ended', cause, why });
  }

  async signal(signal: NodeJS.Signals): Promise<void> {
    throw new ClusterError(`mpirun can send no ${signal} to one engine: the agent that could does not answer`);
  }

  async stop({ grace = GRACE_MS, slots }: StopOptions = {}): Promise<void> {
    const isMeant = this.#given.give(slots);
    const wanted = [...this.#runs].filter((run) => isMeant(run.slots));
    await Promise.all(wanted.map((run) => this.#stop(run, grace)));
  }

  // It passes SIGTERM on to its processes, and ends when they have.
  async #stop(run: Run, grace: number): Promise<void> {
    run.isAsked = true;
    run.child.kill('SIGTERM');
    const timer = setTimeout(() => run.child.kill('SIGKILL'), timerMs(grace + LEAVE_MS));
    await run.ended;
    clearTimeout(timer);
  }

  kill(): void {
    for (const { child } of this.#runs) child.kill('SIGTERM');
  }

  onState(listener: (placement: Placement) => void): void {
    this.#listeners.push(listener);
  }

  toJSON(): LauncherJson {
    return { kind: this.kind };
  }
}

/** Its words about a request beyond its slots, which it explains in 25 lines. */
const TOO_FEW = /not enough slots available/;
const ALL = Number.POSITIVE_INFINITY;
const fewSlots = (processes: string): string =>
  `it has too few slots for ${processes} processes at once: give hosts more of them (slots= in the hostfile, --host a:4), or ` +
  '--oversubscribe in arguments';

/** Open MPI frames its words with lines of dashes. */
const plain = (words: string): string => words.replaceAll(/-{5,}( · )?/g, '').replace(/ · $/, '');

/** @throws TypeError, RangeError for options that are wrong */
export function createLauncher(options: Readonly<Record<string, unknown>>): MpiLauncher {
  if (!isPlainObject(options)) throw new TypeError(`the options of mpi are an object, not ${shown(options)}`);
  const { mpirun = 'mpirun', arguments: args = [], perAgent = 1, ...rest } = options;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new TypeError(`mpi has no option '${unknown}': mpirun, arguments, perAgent`);
  if (typeof mpirun !== 'string' || mpirun === '') throw new TypeError(`mpirun is a program, not ${shown(mpirun)}`);
  if (!Array.isArray(args) || !args.every((arg) => typeof arg === 'string'))
    throw new TypeError(`arguments of mpi is a list of texts, not ${shown(args)}`);
  if (!Number.isInteger(perAgent) || (perAgent as number) < 1)
    throw new RangeError(`perAgent is a whole number of at least 1, not ${shown(perAgent)}`);
  return new MpiLauncher({ mpirun, arguments: args as string[], perAgent: perAgent as number });
}
