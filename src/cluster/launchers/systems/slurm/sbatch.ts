import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { AbortError, ClusterError } from '../../../../errors.ts';
import type { EngineId } from '../../../../protocol/messages.ts';
import type { Launcher, LauncherJson, LaunchRequest, Placement, StopOptions } from '../../launcher.ts';
import { GivenPlaces } from '../given-places.ts';
import { jobOutput } from '../job-output.ts';
import { JOBS } from '../known-jobs.ts';
import { Polling } from '../polling.ts';
import { schedulerCommand } from '../scheduler-command.ts';
import { isPlainField } from '../template.ts';
import { agentsOf, batchScript } from './batch-script.ts';
import { parseQueue, placementOf, QUEUE_FORMAT, type SlurmJob } from './job-state.ts';
import { slurmEnvironment } from './slurm-environment.ts';
import { checkSlurm, type SlurmOptions } from './slurm-options.ts';

const POLL_MS = 2000;
const QUERY_MS = 20_000;
/** Milliseconds beyond the grace until cancelled jobs must have left the queue. */
const GONE_MS = 60_000;
/** Between two looks whether cancelled jobs have left. */
const LOOK_MS = 300;
const KILL_MS = 5000;
/** A job that waits, and that so many answers in a row do not name, was taken out of the queue, or was never in it. */
const MISSED = 4;
/** A job in these states holds its place still. */
const HELD = new Set([
  'PENDING',
  'CONFIGURING',
  'RUNNING',
  'COMPLETING',
  'SUSPENDED',
  'STOPPED',
  'SIGNALING',
  'STAGE_OUT',
]);

interface Job {
  slots: readonly EngineId[];
  /** The file of its output; undefined: unknown. */
  readonly output: string | undefined;
  /** It holds no place, as far as is known: one that is not in the queue any more has left it. */
  isWaiting: boolean;
  /** Answers in a row without it. */
  missed: number;
}

/**
 * Slurm's queue: one array of jobs for each start, one element for each agent, so that elements start, end and are
 * cancelled one by one; or one job for a gang. The jobs outlive this process, and their agents end with the cluster.
 */
export class SbatchLauncher implements Launcher {
  readonly kind = 'slurm';
  readonly lifetime = 'detached';
  readonly #options: SlurmOptions;
  readonly #env = slurmEnvironment(process.env, false);
  readonly #polling: Polling;
  /** Jobs that have not ended, by number: `12_3`. */
  readonly #jobs = new Map<string, Job>();
  readonly #given = new GivenPlaces();
  #listener = (_: Placement): void => {};

  constructor(options: SlurmOptions) {
    this.#options = options;
    this.#polling = new Polling(
      () => this.poll(),
      options.poll ?? POLL_MS,
      (error) => this.#unknown(error),
    );
  }

  /** The launcher of another process, with its jobs. @throws TypeError, RangeError, ProtocolError for another object */
  static fromJSON({ options, jobs }: LauncherJson): SbatchLauncher {
    const launcher = new SbatchLauncher(checkSlurm(options as Readonly<Record<string, unknown>>));
    for (const [id, slots] of Object.entries(JOBS(jobs, 'jobs'))) launcher.#jobs.set(id, jobOf(slots, undefined));
    return launcher;
  }

  async start(request: LaunchRequest, signal?: AbortSignal): Promise<readonly Placement[]> {
    this.#given.take(request.slots);
    await this.#replace(request.slots);
    const { perAgent = 1 } = this.#options;
    const file = request.agent.file({ perAgent });
    const log = dirname(file);
    if (!isPlainField(log))
      throw new ClusterError(
        `a batch script cannot name ${log}: set DIRECTVIEW_HOME to a path without blanks and quotes`,
      );
    const command = [...request.agent.command, '--options-file', file];
    const input = batchScript({ options: this.#options, request, command, log });
    if (signal?.aborted) throw new AbortError('the start was aborted', { cause: signal.reason });
    // Not aborted half-way: a job whose number is not known could not be cancelled.
    const text = await this.#run(['sbatch', '--parsable', `--export=${this.#exported()}`], input);
    const id = /^(\d+)/m.exec(text)?.[1];
    if (id === undefined) throw new ClusterError(`sbatch printed no job number: ${text.slice(0, 200)}`);
    const placements = this.#accepted(id, request, log);
    this.#polling.start();
    return placements;
  }

  #accepted(id: string, request: LaunchRequest, log: string): Placement[] {
    const { perAgent = 1 } = this.#options;
    const count = request.gang ? 1 : agentsOf({ options: this.#options, request });
    return Array.from({ length: count }, (_, i) => {
      const job = request.gang ? id : `${id}_${i}`;
      const slots = request.gang ? request.slots : request.slots.slice(i * perAgent, (i + 1) * perAgent);
      this.#jobs.set(job, jobOf(slots, join(log, `job-${job}.out`)));
      return { slots, state: 'queued', why: 'was submitted', where: { job } };
    });
  }

  // sbatch would export all variables of the user's, with the secrets among them.
  #exported(): string {
    const names = Object.keys(this.#env).filter((name) => /^\w+$/.test(name));
    return names.length === 0 ? 'NIL' : names.join(',');
  }

  #run(argv: readonly string[], input?: string): Promise<string> {
    return schedulerCommand(argv, { env: this.#env, timeout: QUERY_MS, input });
  }

  // The jobs of engines that are started anew are over, whatever Slurm says of them later.
  async #replace(slots: readonly EngineId[]): Promise<void> {
    const stale: string[] = [];
    for (const [id, job] of this.#jobs) {
      job.slots = job.slots.filter((slot) => !slots.includes(slot));
      if (job.slots.length === 0) stale.push(id);
    }
    for (const id of stale) this.#jobs.delete(id);
    if (stale.length > 0) await this.#cancel(stale);
  }

  async #cancel(ids: readonly string[]): Promise<void> {
    // "Invalid job id": it is gone already.
    await this.#run(['scancel', '--quiet', ...ids]).catch(() => {});
  }

  async poll(): Promise<readonly Placement[]> {
    if (this.#jobs.size === 0) {
      this.#polling.stop();
      return [];
    }
    const known = await this.#query([...this.#jobs.keys()]);
    const placements = [...this.#jobs].flatMap(([id, job]) => this.#placement(id, job, known) ?? []);
    for (const placement of placements) {
      if (placement.state === 'ended') this.#jobs.delete(placement.where?.job ?? '');
      this.#listener(placement);
    }
    return placements;
  }

  #unknown({ message: why }: Error): void {
    for (const [job, { slots }] of this.#jobs) this.#listener({ slots, state: 'unknown', why, where: { job } });
  }

  #placement(id: string, its: Job, known: ReadonlyMap<string, SlurmJob>): Placement | undefined {
    const { slots, output } = its;
    // A script of the user's may be no array, and an array of one that was cancelled is told as a job.
    const job = known.get(id) ?? known.get(id.split('_')[0] as string);
    if (job === undefined) return missing(id, its);
    const placement = placementOf({ ...job, id }, slots);
    its.missed = 0;
    its.isWaiting = placement.state === 'queued';
    return job.state === 'FAILED' ? { ...placement, why: `${placement.why}${jobOutput(output)}` } : placement;
  }

  // One failed query ends nothing. A job that Slurm has forgotten is not in the answer.
  async #query(ids: readonly string[]): Promise<Map<string, SlurmJob>> {
    const arrays = [...new Set(ids.map((id) => id.split('_')[0] as string))];
    const argv = ['squeue', '-h', '-r', '-t', 'all', '-o', QUEUE_FORMAT, '-j', arrays.join(',')];
    const text = await this.#run(argv).catch((error: Error) => {
      if (/Invalid job id/.test(error.message)) return '';
      throw error;
    });
    return new Map(parseQueue(text).map((job) => [job.id, job]));
  }

  async signal(signal: NodeJS.Signals, slots: readonly EngineId[]): Promise<void> {
    const ids = this.#idsOf((its) => its.every((slot) => slots.includes(slot)));
    if (ids.length === 0)
      throw new ClusterError(`engines ${slots.join(', ')} have no Slurm job that could be signalled`);
    // --full: the batch script's process is the agent, or the starter of the agents.
    await this.#run(['scancel', '--full', `--signal=${signal.replace(/^SIG/, '')}`, ...ids]);
  }

  #idsOf(covers: (slots: readonly EngineId[]) => boolean): string[] {
    return [...this.#jobs].filter(([, { slots }]) => covers(slots)).map(([id]) => id);
  }

  async stop({ grace = 5000, slots }: StopOptions = {}): Promise<void> {
    const ids = this.#idsOf(this.#given.give(slots));
    if (slots === undefined) this.#polling.stop();
    if (ids.length === 0) return;
    await this.#cancel(ids);
    const deadline = performance.now() + grace + GONE_MS;
    while (performance.now() < deadline) {
      const known = await this.#query(ids).catch(() => undefined);
      if (known !== undefined && !ids.some((id) => HELD.has(known.get(id)?.state ?? ''))) break;
      await pause(LOOK_MS);
    }
    for (const id of ids) this.#jobs.delete(id);
  }

  kill(): void {
    this.#polling.stop();
    const ids = [...this.#jobs.keys()];
    if (ids.length > 0) spawnSync('scancel', ['--quiet', ...ids], { env: this.#env, timeout: KILL_MS });
  }

  onState(listener: (placement: Placement) => void): void {
    this.#listener = listener;
  }

  toJSON(): LauncherJson {
    return {
      kind: this.kind,
      options: this.#options,
      jobs: Object.fromEntries([...this.#jobs].map(([id, { slots }]) => [id, slots])),
    };
  }
}

const jobOf = (slots: readonly EngineId[], output: string | undefined): Job => {
  return { slots, output, isWaiting: true, missed: 0 };
};

// It may have been submitted after the question. One that has run may be forgotten: then its agent's link and our pings tell.
function missing(id: string, its: Job): Placement | undefined {
  if (!its.isWaiting || ++its.missed < MISSED) return undefined;
  return {
    slots: its.slots,
    state: 'ended',
    why: `has no place: Slurm has no job ${id} in its queue`,
    where: { job: id },
  };
}
