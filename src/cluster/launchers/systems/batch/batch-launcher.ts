import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AbortError, ClusterError } from '../../../../errors.ts';
import type { EngineId } from '../../../../protocol/messages.ts';
import { isAllowed } from '../../engine-env.ts';
import type { Launcher, LauncherJson, LaunchRequest, Placement, StopOptions } from '../../launcher.ts';
import { GivenPlaces } from '../given-places.ts';
import { jobOutput } from '../job-output.ts';
import { JOBS } from '../known-jobs.ts';
import { Polling } from '../polling.ts';
import { schedulerCommand } from '../scheduler-command.ts';
import { fillTemplate, isPlainField, posixQuoted } from '../template.ts';
import { type BatchJobOptions, checkBatch } from './batch-options.ts';
import { type BatchSystem, needsOf, type QueuedJob, type QueueJob } from './batch-system.ts';

const POLL_MS = 5000;
const QUERY_MS = 30_000;
/** Milliseconds beyond the grace until cancelled jobs must have left the queue. */
const GONE_MS = 60_000;
const LOOK_MS = 300;
const KILL_MS = 5000;
/** A job that the queue has never told of has ended after so many questions: it was too short. */
const UNSEEN_POLLS = 4;
/** Jobs that are submitted at the same time. */
const AT_ONCE = 8;

interface Job {
  slots: readonly EngineId[];
  /** The queue has told of it: one that is gone afterwards has ended. */
  isSeen: boolean;
  /** When it was submitted, in milliseconds of performance.now(). */
  readonly since: number;
  /** The file of its output. */
  readonly log: string;
}

/** One job to submit. */
interface Submission {
  readonly slots: readonly EngineId[];
  readonly script: string;
  readonly log: string;
}

/**
 * A batch system with commands to submit, ask and cancel: one job for each agent, so that jobs start, end and are cancelled one by
 * one. The jobs outlive this process, and their agents end with the cluster. Hosts share the folder of the agents' options.
 */
export class BatchLauncher implements Launcher {
  readonly kind: string;
  readonly lifetime = 'detached';
  readonly #system: BatchSystem;
  readonly #options: BatchJobOptions;
  readonly #env: NodeJS.ProcessEnv;
  readonly #polling: Polling;
  /** Jobs that have not ended, by number. */
  readonly #jobs = new Map<string, Job>();
  readonly #given = new GivenPlaces();
  #listener = (_: Placement): void => {};

  constructor(system: BatchSystem, options: BatchJobOptions) {
    this.kind = system.kind;
    this.#system = system;
    this.#options = options;
    const isKept = (name: string) => isAllowed(name) || system.variables.includes(name);
    this.#env = Object.fromEntries(Object.entries(process.env).filter(([name]) => isKept(name)));
    this.#polling = new Polling(
      () => this.poll(),
      options.poll ?? POLL_MS,
      (error) => this.#unknown(error),
    );
  }

  /** @throws TypeError, RangeError for wrong options */
  static of(system: BatchSystem, options: Readonly<Record<string, unknown>>): BatchLauncher {
    return new BatchLauncher(system, checkBatch(options, system.kind));
  }

  /** The launcher of another process, with its jobs. @throws TypeError, RangeError, ProtocolError for another object */
  static fromJSON(system: BatchSystem, { options, jobs }: LauncherJson): BatchLauncher {
    const launcher = BatchLauncher.of(system, options as Readonly<Record<string, unknown>>);
    for (const [id, slots] of Object.entries(JOBS(jobs, 'jobs')))
      launcher.#jobs.set(id, { slots, isSeen: true, since: performance.now(), log: '' });
    return launcher;
  }

  async start(request: LaunchRequest, signal?: AbortSignal): Promise<readonly Placement[]> {
    this.#given.take(request.slots);
    await this.#replace(request.slots);
    const { perAgent = 1 } = this.#options;
    const parts = Array.from({ length: Math.ceil(request.slots.length / perAgent) }, (_, i) =>
      request.slots.slice(i * perAgent, (i + 1) * perAgent),
    );
    // Every script is made before the first job is submitted: a wrong template submits none.
    const jobs = parts.map((slots) => ({ slots, ...this.#script(request, slots) }));
    const placements: Placement[] = [];
    try {
      while (jobs.length > 0)
        placements.push(...(await together(jobs.splice(0, AT_ONCE).map((job) => this.#submit(job, signal)))));
    } catch (error) {
      await this.stop({ slots: request.slots });
      throw error;
    }
    this.#polling.start();
    return placements;
  }

  #script(request: LaunchRequest, slots: readonly EngineId[]): Pick<Submission, 'script' | 'log'> {
    const file = request.agent.file({ slots, perAgent: slots.length, rank: 0 });
    const log = `${dirname(file)}/engine-${slots[0]}.out`;
    if (!isPlainField(log))
      throw new ClusterError(
        `a job's script cannot name ${log}: set DIRECTVIEW_HOME to a path without blanks and quotes`,
      );
    const job: QueueJob = {
      options: this.#options,
      request,
      engines: slots.length,
      command: posixQuoted([...request.agent.command, '--options-file', file]),
      log,
    };
    const { template } = this.#options;
    return { script: template === undefined ? this.#system.script(job) : templateScript(template, job), log };
  }

  async #submit({ slots, script, log }: Submission, signal: AbortSignal | undefined): Promise<Placement> {
    if (signal?.aborted) throw new AbortError('the start was aborted', { cause: signal.reason });
    // Not aborted half-way: a job whose number is not known could not be cancelled.
    const text = await this.#run(this.#system.submit, script);
    const id = this.#system.jobOf(text);
    if (id === undefined)
      throw new ClusterError(`${this.#system.submit[0]} printed no job number: ${text.slice(0, 200)}`);
    this.#jobs.set(id, { slots, isSeen: false, since: performance.now(), log });
    return { slots, state: 'queued', why: 'was submitted', where: { job: id } };
  }

  #run(argv: readonly string[], input?: string): Promise<string> {
    return schedulerCommand(argv, { env: this.#env, timeout: QUERY_MS, input });
  }

  // The jobs of engines that are started anew are over, whatever becomes of them.
  async #replace(slots: readonly EngineId[]): Promise<void> {
    const stale: string[] = [];
    for (const [id, job] of this.#jobs) {
      job.slots = job.slots.filter((slot) => !slots.includes(slot));
      if (job.slots.length === 0) stale.push(id);
    }
    for (const id of stale) this.#jobs.delete(id);
    await this.#cancel(stale);
  }

  async #cancel(ids: readonly string[]): Promise<void> {
    // One that is gone already is a failure to these commands.
    if (ids.length > 0) await this.#run(this.#system.cancel(ids)).catch(() => {});
  }

  async poll(): Promise<readonly Placement[]> {
    if (this.#jobs.size === 0) {
      this.#polling.stop();
      return [];
    }
    const asked = [...this.#jobs];
    const known = await this.#query(asked.map(([id]) => id));
    const placements = asked.flatMap(([id, job]) => this.#placement(id, job, known.get(id)) ?? []);
    for (const placement of placements) {
      if (placement.state === 'ended') this.#jobs.delete(placement.where?.job ?? '');
      if (placement.slots.length > 0) this.#listener(placement);
    }
    return placements;
  }

  #unknown({ message: why }: Error): void {
    for (const [job, { slots }] of this.#jobs)
      if (slots.length > 0) this.#listener({ slots, state: 'unknown', why, where: { job } });
  }

  // One failed query ends nothing, unless it only says that jobs are over.
  async #query(ids: readonly string[]): Promise<ReadonlyMap<string, QueuedJob>> {
    const text = await this.#run(this.#system.query(ids)).catch((error: Error) => {
      if (this.#system.unknown.test(error.message)) return undefined;
      throw error;
    });
    if (text !== undefined) return new Map(this.#system.read(text).map((job) => [job.id, job]));
    // Which one is unknown? Each is asked alone.
    if (ids.length === 1) return new Map();
    const each = await Promise.all(ids.map((id) => this.#query([id])));
    return new Map(each.flatMap((found) => [...found]));
  }

  #placement(id: string, job: Job, found: QueuedJob | undefined): Placement | undefined {
    const where = { job: id, host: found?.host };
    const { poll = POLL_MS } = this.#options;
    const isNew = !job.isSeen && performance.now() - job.since < poll * UNSEEN_POLLS;
    if (found === undefined && isNew) return undefined; // its queue does not know it yet
    job.isSeen = true;
    const { slots } = job;
    if (found === undefined || found.state === 'ended')
      return {
        slots,
        state: 'ended',
        cause: 'exit',
        why: `ended with its ${this.kind} job ${id}${jobOutput(job.log)}`,
        where,
      };
    return { slots, state: found.state, why: found.why, where };
  }

  async signal(signal: NodeJS.Signals, slots: readonly EngineId[]): Promise<void> {
    throw new ClusterError(
      `engines ${slots.join(', ')} get no ${signal}: their agent does not answer, and ${this.kind} is not asked`,
    );
  }

  async stop({ grace = 5000, slots }: StopOptions = {}): Promise<void> {
    if (slots === undefined) this.#polling.stop();
    const covers = this.#given.give(slots);
    const ids = [...this.#jobs].filter(([, job]) => covers(job.slots)).map(([id]) => id);
    if (ids.length === 0) return;
    await this.#cancel(ids);
    const deadline = performance.now() + grace + GONE_MS;
    while (performance.now() < deadline) {
      const known = await this.#query(ids).catch(() => undefined);
      if (known !== undefined && ids.every((id) => (known.get(id)?.state ?? 'ended') === 'ended')) break;
      await pause(LOOK_MS);
    }
    for (const id of ids) this.#jobs.delete(id);
  }

  kill(): void {
    this.#polling.stop();
    const [program = '', ...args] = this.#system.cancel([...this.#jobs.keys()]);
    if (this.#jobs.size > 0) spawnSync(program, args, { env: this.#env, timeout: KILL_MS, stdio: 'ignore' });
  }

  onState(listener: (placement: Placement) => void): void {
    this.#listener = listener;
  }

  toJSON(): LauncherJson {
    const jobs = [...this.#jobs].map(([id, { slots }]) => [id, slots]);
    return { kind: this.kind, options: this.#options, jobs: Object.fromEntries(jobs) };
  }
}

/** All have ended before the first failure is thrown: jobs that were accepted are known then. */
async function together<T>(all: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

function templateScript(template: string, job: QueueJob): string {
  const { options, request, command, log, engines } = job;
  const { queue, account, time, mem } = options;
  return fillTemplate(template, {
    command,
    name: request.cluster,
    engines,
    ...needsOf(job),
    log,
    queue,
    account,
    time,
    mem,
  });
}
