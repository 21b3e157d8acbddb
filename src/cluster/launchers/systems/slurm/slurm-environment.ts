import { isAllowed } from '../../engine-env.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The variables for Slurm's commands. It reads SLURM_* of a surrounding job as options, and newer versions refuse the mix,
 * so that only the configuration's place stays, and for a step inside an allocation the job's number. Others of the
 * user's reach a job only if engines may have them.
 */
export function slurmEnvironment(env: Variables, isStep: boolean): NodeJS.ProcessEnv {
  const kept = [
    'SLURM_CONF',
    ...(isStep ? ['SLURM_JOB_ID', 'SLURM_JOBID', 'SLURM_NODELIST', 'SLURM_JOB_NODELIST'] : []),
  ];
  return Object.fromEntries(Object.entries(env).filter(([name]) => kept.includes(name) || isAllowed(name)));
}

/** Does this process run inside an allocation? */
export const isInAllocation = (env: Variables): boolean => (env['SLURM_JOB_ID'] ?? '') !== '';
