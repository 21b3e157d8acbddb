import type { EndCause, Placement, PlacementState } from '../../launcher.ts';

/** A job, or an element of an array, as squeue tells it. */
export interface SlurmJob {
  /** `12`, or `12_3` for an element. */
  readonly id: string;
  /** Slurm's word: `PENDING`. */
  readonly state: string;
  readonly reason: string;
  /** The time at which it starts, by Slurm's estimate; empty: none. */
  readonly start: string;
  readonly node: string;
}

/** The format of `parseQueue`: job, state, reason, start, nodes. */
export const QUEUE_FORMAT = '%i|%T|%r|%S|%N';

/** Reads what `squeue -h -r -o QUEUE_FORMAT` prints; other lines are passed over. */
export function parseQueue(text: string): SlurmJob[] {
  return text.split('\n').flatMap((line) => {
    const [id, state, reason = '', start = '', node = ''] = line.trim().split('|');
    return id && state ? [{ id, state, reason, start: start === 'N/A' ? '' : start, node }] : [];
  });
}

const STATES: Readonly<Record<string, PlacementState>> = {
  PENDING: 'queued',
  REQUEUED: 'queued',
  REQUEUE_HOLD: 'queued',
  REQUEUE_FED: 'queued',
  SPECIAL_EXIT: 'queued',
  RESV_DEL_HOLD: 'queued',
  CONFIGURING: 'starting',
  RUNNING: 'starting',
  COMPLETING: 'starting',
  SUSPENDED: 'starting',
  STOPPED: 'starting',
  SIGNALING: 'starting',
  STAGE_OUT: 'starting',
  RESIZING: 'starting',
};

const CAUSES: Readonly<Record<string, EndCause>> = {
  COMPLETED: 'exit',
  FAILED: 'exit',
  NODE_FAIL: 'node',
  BOOT_FAIL: 'node',
  CANCELLED: 'system',
  DEADLINE: 'system',
  OUT_OF_MEMORY: 'system',
  PREEMPTED: 'system',
  REVOKED: 'system',
  TIMEOUT: 'system',
};

/** The words for the end of a job, to complete "engine 3 …". */
export function endText({ id, state, node = '' }: Pick<SlurmJob, 'id' | 'state'> & { readonly node?: string }): string {
  const cause = CAUSES[state];
  if (cause === 'exit') return `ended with its Slurm job ${id} (${state})`;
  const host = node === '' ? 'its host' : `its host ${node}`;
  if (cause === 'node') return `lost ${host}: Slurm says ${state} of job ${id}`;
  return `was ended by Slurm: job ${id}, ${state}`;
}

/**
 * The job as the state of a placement. A job that runs is `starting` until its agent says that it runs. A word that is
 * unknown here is taken for a job that lives: nothing is ended by mistake.
 */
export function placementOf(job: SlurmJob, slots: readonly number[]): Placement {
  const cause = CAUSES[job.state];
  const where = { host: job.node === '' ? undefined : job.node, job: job.id };
  if (cause !== undefined) return { slots, state: 'ended', cause, why: endText(job), where };
  const state = STATES[job.state] ?? 'starting';
  return { slots, state, where, why: state === 'queued' ? waitText(job) : undefined };
}

function waitText({ reason, start }: SlurmJob): string {
  const words = reason === '' || reason === 'None' ? 'waits to be scheduled' : reason;
  return start === '' ? words : `${words}, estimated start ${start}`;
}
