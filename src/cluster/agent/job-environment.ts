import { hostname } from 'node:os';

/** The facts that the variables of a scheduler tell of the process that it has started. */
export interface JobEnvironment {
  /** The place among the processes of the launch, counted from 0. */
  readonly rank: number | undefined;
  /** The place among those on this host. */
  readonly localRank: number;
  /** The number of the job, as its scheduler writes it. */
  readonly job: string | undefined;
  /** The host's name: a pod or a node is often called otherwise than its system. */
  readonly host: string;
  /** The cards that were granted: numbers, or `GPU-…` and `MIG-…`; empty: none; undefined: nobody said. */
  readonly gpus: readonly string[] | undefined;
  /** Milliseconds since 1970 at which the job ends. */
  readonly until: number | undefined;
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads rank, job, cards and end time. The variables of the innermost starter win: under `mpirun` in a Slurm job, every
 * process of one host has the same SLURM_PROCID, and in an array every element has SLURM_PROCID 0.
 */
export function jobEnvironment(env: Variables, host = hostname()): JobEnvironment {
  return {
    rank: firstOf(env, 'JOB_COMPLETION_INDEX', 'OMPI_COMM_WORLD_RANK', 'PMIX_RANK', 'PMI_RANK') ?? slurmRank(env),
    localRank: firstOf(env, 'OMPI_COMM_WORLD_LOCAL_RANK', 'MPI_LOCALRANKID', 'SLURM_LOCALID') ?? 0,
    job: jobOf(env),
    host,
    gpus: gpusOf(env),
    until: secondsOf(env['SLURM_JOB_END_TIME']),
  };
}

function slurmRank(env: Variables): number | undefined {
  const process = firstOf(env, 'SLURM_PROCID');
  const element = firstOf(env, 'SLURM_ARRAY_TASK_ID');
  if (element === undefined) return process;
  return element * (firstOf(env, 'SLURM_NTASKS') ?? 1) + (process ?? 0);
}

function jobOf(env: Variables): string | undefined {
  const { SLURM_ARRAY_JOB_ID: array, SLURM_ARRAY_TASK_ID: element, SLURM_JOB_ID: job, SLURM_STEP_ID: step } = env;
  if (array && element) return `${array}_${element}`;
  if (job) return isStep(step) ? `${job}.${step}` : job;
  return env['PBS_JOBID'] || env['LSB_JOBID'] || env['JOB_ID'] || env['PMIX_NAMESPACE'] || undefined;
}

// The step of a batch script has a number beyond those that srun makes.
function isStep(step: string | undefined): boolean {
  return step !== undefined && /^\d+$/.test(step) && Number(step) < 0xffff0000;
}

function gpusOf(env: Variables): readonly string[] | undefined {
  const list = env['CUDA_VISIBLE_DEVICES'] ?? env['SLURM_STEP_GPUS'];
  return list?.split(',').filter((name) => name !== '' && name !== 'NoDevFiles');
}

function firstOf(env: Variables, ...names: readonly string[]): number | undefined {
  const text = names.map((name) => env[name]).find((value) => value !== undefined && /^\d+$/.test(value));
  return text === undefined ? undefined : Number(text);
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) && Number(text) > 0 ? Number(text) * 1000 : undefined;
}
