import type { Launcher, LauncherJson } from '../../launcher.ts';
import { BatchLauncher } from './batch-launcher.ts';
import { type BatchSystem, lines, needsOf, type QueuedJob, when } from './batch-system.ts';

const STATES: Readonly<Record<string, QueuedJob['state']>> = {
  R: 'starting',
  E: 'starting',
  S: 'starting',
  B: 'starting',
  F: 'ended',
  C: 'ended',
  X: 'ended',
};

/** PBS Professional and OpenPBS. */
export const PBS: BatchSystem = {
  kind: 'pbs',
  script: (job) => {
    const { options, request, command, log } = job;
    const { cpus, gpus } = needsOf(job);
    const { queue, account, time, mem, lines: more = [] } = options;
    return lines(
      '#!/bin/sh',
      `#PBS -N ${request.cluster.slice(0, 15)}`,
      '#PBS -j oe',
      `#PBS -o ${log}`,
      '#PBS -r n',
      `#PBS -l select=1:ncpus=${cpus}${gpus === 0 ? '' : `:ngpus=${gpus}`}${mem === undefined ? '' : `:mem=${mem}`}`,
      when(time, `#PBS -l walltime=${time}`),
      when(queue, `#PBS -q ${queue}`),
      when(account, `#PBS -A ${account}`),
      ...more,
      'umask 077',
      `exec ${command}`,
    );
  },
  submit: ['qsub'],
  jobOf: (text) => /^(\d+\S*)\s*$/m.exec(text)?.[1],
  query: (ids) => ['qstat', '-f', ...ids],
  read: (text) =>
    text
      .split(/^Job Id: /m)
      .slice(1)
      .map(readBlock),
  unknown: /Unknown Job|has finished/i,
  cancel: (ids) => ['qdel', ...ids],
  variables: ['PBS_SERVER', 'PBS_DEFAULT', 'PBS_CONF_FILE', 'PBS_EXEC'],
};

// Long values go on in lines that begin with a tab.
function readBlock(block: string): QueuedJob {
  const [id = '', ...rest] = block.replace(/\n\t/g, '').split('\n');
  const field = (name: string) =>
    rest
      .find((line) => line.trim().startsWith(`${name} = `))
      ?.split(' = ')
      .slice(1)
      .join(' = ');
  const state = STATES[field('job_state') ?? ''] ?? 'queued';
  const host = field('exec_host')?.split('/')[0];
  return {
    id: id.trim(),
    state,
    host,
    why: state === 'queued' ? (field('comment') ?? 'waits to be scheduled') : undefined,
  };
}

/** The launcher of `{ kind: 'pbs', … }`. @throws TypeError, RangeError for wrong options */
export function createLauncher(options: Readonly<Record<string, unknown>>): Launcher {
  return BatchLauncher.of(PBS, options);
}

/** The jobs of another process. @throws TypeError, RangeError, ProtocolError for another object */
export const fromJSON = (json: LauncherJson): Launcher => BatchLauncher.fromJSON(PBS, json);
