import type { LaunchRequest, PlacementState } from '../../launcher.ts';
import type { BatchJobOptions } from './batch-options.ts';

/** One job: an agent with its engines. */
export interface QueueJob {
  readonly options: BatchJobOptions;
  readonly request: Pick<LaunchRequest, 'gpusPerEngine' | 'cpusPerEngine' | 'cluster'>;
  /** The engines of this agent. */
  readonly engines: number;
  /** The agent's command line, quoted for a POSIX shell. */
  readonly command: string;
  /** The file of its output: plain text, in a private folder. */
  readonly log: string;
}

/** A job as its queue tells it. */
export interface QueuedJob {
  readonly id: string;
  readonly state: Exclude<PlacementState, 'running'>;
  readonly why?: string | undefined;
  readonly host?: string | undefined;
}

/** The commands of one batch system, and how they are read. */
export interface BatchSystem {
  readonly kind: string;
  /** The text that `submit` gets on its standard input. */
  script(job: QueueJob): string;
  readonly submit: readonly string[];
  /** The number of the job in what `submit` prints; undefined: none is there. */
  jobOf(text: string): string | undefined;
  query(ids: readonly string[]): readonly string[];
  /** Reads what `query` prints: jobs that are not there are over. */
  read(text: string): readonly QueuedJob[];
  /** The words of a failed `query` that only mean that some of the jobs are over; their output counts. */
  readonly unknown: RegExp;
  cancel(ids: readonly string[]): readonly string[];
  /** Variables that its commands need, beside those that engines may have. */
  readonly variables: readonly string[];
}

/** The needs of a job. */
export function needsOf({ options, request, engines }: QueueJob): { readonly cpus: number; readonly gpus: number } {
  const { cpus = request.cpusPerEngine, gpus = request.gpusPerEngine } = options;
  return { cpus: cpus * engines, gpus: gpus * engines };
}

/** Lines, without those that are undefined. */
export const lines = (...all: readonly (string | undefined)[]): string =>
  `${all.filter((line) => line !== undefined).join('\n')}\n`;

/** A line that stands only where the option does. */
export const when = (value: unknown, line: string): string | undefined => (value === undefined ? undefined : line);
