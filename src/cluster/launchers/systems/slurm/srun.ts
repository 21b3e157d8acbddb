import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { AbortError, ClusterError } from '../../../../errors.ts';
import type { EngineId } from '../../../../protocol/messages.ts';
import { timerMs } from '../../../../rpc/timer-ms.ts';
import type { Launcher, LaunchRequest, Placement, PlacementSite, StopOptions } from '../../launcher.ts';
import { OutputTail } from '../../process/output-tail.ts';
import { spawned } from '../../process/spawned.ts';
import { GivenPlaces } from '../given-places.ts';
import { Polling } from '../polling.ts';
import { schedulerCommand, wordsOf } from '../scheduler-command.ts';
import { agentsOf, placeOptions, resources } from './batch-script.ts';
import { parseQueue, placementOf, QUEUE_FORMAT } from './job-state.ts';
import { isInAllocation, slurmEnvironment } from './slurm-environment.ts';
import type { SlurmOptions } from './slurm-options.ts';

const POLL_MS = 2000;
const QUERY_MS = 20_000;

/** One srun: a job step with all agents of a start. */
interface Step {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  slots: readonly EngineId[];
  readonly ended: Promise<void>;
  job: string | undefined;
  isQueued: boolean;
}

/**
 * Slurm's srun as a child of this process. The agents' options reach every task by srun's standard input, which stays
 * open: when this process ends, however it does, the agents end.
 */
export class SrunLauncher implements Launcher {
  readonly kind = 'slurm';
  readonly lifetime = 'attached';
  readonly #options: SlurmOptions;
  readonly #isNested = isInAllocation(process.env);
  readonly #env = slurmEnvironment(process.env, this.#isNested);
  readonly #steps = new Set<Step>();
  readonly #given = new GivenPlaces();
  readonly #polling: Polling;
  #listener = (_: Placement): void => {};

  constructor(options: SlurmOptions) {
    this.#options = options;
    this.#polling = new Polling(() => this.#look(), options.poll ?? POLL_MS);
  }

  async start(request: LaunchRequest, signal?: AbortSignal): Promise<readonly Placement[]> {
    if (signal?.aborted) throw new AbortError('the start was aborted', { cause: signal.reason });
    const { slots } = request;
    this.#given.take(slots);
    for (const step of this.#steps) step.slots = step.slots.filter((slot) => !slots.includes(slot));
    const argv = this.#argv(request);
    const stdio: ['pipe', 'pipe', 'pipe'] = ['pipe', 'pipe', 'pipe'];
    const child = spawned(spawn('srun', argv, { env: this.#env, stdio, detached: true }), 'srun');
    child.stdin.on('error', () => {}); // it has ended: `exit` says why
    child.stdin.write(`${request.agent.line({ perAgent: this.#options.perAgent })}\n`);
    this.#follow(child, slots);
    this.#polling.start();
    return [{ slots, state: 'starting' }];
  }

  #argv(request: LaunchRequest): string[] {
    const script = { options: this.#options, request };
    // A step that has all processors of its job leaves none to another one: srun in srun would wait for ever.
    const nested = this.#isNested ? ['--overlap'] : [];
    return [
      `--job-name=${request.cluster}`,
      `--ntasks=${agentsOf(script)}`,
      ...resources(script),
      ...placeOptions(this.#options),
      ...nested,
      '--kill-on-bad-exit=0',
      '--input=all',
      ...request.agent.command,
    ];
  }

  #follow(child: Step['child'], slots: readonly EngineId[]): void {
    const tail = new OutputTail();
    child.stdout.setEncoding('utf8').on('data', (text: string) => tail.write(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      tail.write(text);
      this.#hear(text, step);
    });
    const ended = new Promise<void>((resolve) => {
      child.once('error', (error) => {
        this.#over(step, `could not be started: srun: ${error.message}`);
        resolve();
      });
      child.once('close', (code) => {
        const words = wordsOf({ out: '', err: tail.lines(6) });
        this.#over(step, code === 0 ? 'ended with its Slurm step' : `ended with srun (exit code ${code}): ${words}`);
        resolve();
      });
    });
    const step: Step = { child, slots, ended, job: undefined, isQueued: false };
    this.#steps.add(step);
  }

  // srun tells its job only when it must wait.
  #hear(text: string, step: Step): void {
    const waits =
      /job (\d+) queued/.exec(text)?.[1] ?? /[Jj]ob (\d+) step creation (temporarily )?disabled/.exec(text)?.[1];
    if (waits !== undefined) {
      step.job = waits;
      step.isQueued = true;
      this.#tell(
        step,
        'queued',
        /step creation/.test(text) ? 'the allocation has no room for another step now' : 'waits for resources',
      );
    } else if (step.isQueued && /has been allocated|creation still disabled|Step created/.test(text)) {
      step.isQueued = /still disabled/.test(text);
      if (!step.isQueued) this.#tell(step, 'starting');
    }
  }

  #tell({ slots, job }: Step, state: Placement['state'], why?: string): void {
    const where: PlacementSite = { job };
    if (slots.length > 0) this.#listener({ slots, state, why, where });
  }

  #over(step: Step, why: string): void {
    if (!this.#steps.delete(step)) return;
    this.#tell(step, 'ended', why);
    if (this.#steps.size === 0) this.#polling.stop();
  }

  // Only for the reason and the estimated start: srun itself tells the rest.
  async #look(): Promise<void> {
    await Promise.all([...this.#steps].filter((step) => step.isQueued).map((step) => this.#ask(step)));
  }

  async #ask(step: Step): Promise<void> {
    if (step.job === undefined || this.#isNested) return;
    const argv = ['squeue', '-h', '-o', QUEUE_FORMAT, '-j', step.job];
    const [job] = parseQueue(await schedulerCommand(argv, { env: this.#env, timeout: QUERY_MS }));
    const placement = job && placementOf(job, step.slots);
    if (placement?.state === 'queued' && step.isQueued) this.#listener(placement);
  }

  async signal(signal: NodeJS.Signals, slots: readonly EngineId[]): Promise<void> {
    throw new ClusterError(
      `engines ${slots.join(', ')} get no ${signal}: their agent does not answer, and srun signals all or none`,
    );
  }

  async stop({ grace = 5000, slots }: StopOptions = {}): Promise<void> {
    const isMeant = this.#given.give(slots);
    const steps = [...this.#steps].filter((step) => isMeant(step.slots));
    await Promise.all(steps.map((step) => this.#end(step, grace)));
  }

  // SIGTERM would kill all tasks at once. Their agents end when their input does, and srun after them.
  async #end(step: Step, grace: number): Promise<void> {
    step.child.stdin.end();
    if (step.isQueued) step.child.kill('SIGTERM');
    const term = setTimeout(() => step.child.kill('SIGTERM'), timerMs(grace + 1000));
    const kill = setTimeout(() => step.child.kill('SIGKILL'), timerMs(grace + 6000));
    await step.ended;
    clearTimeout(term);
    clearTimeout(kill);
  }

  kill(): void {
    this.#polling.stop();
    for (const { child } of this.#steps) child.kill('SIGKILL');
  }

  onState(listener: (placement: Placement) => void): void {
    this.#listener = listener;
  }
}
