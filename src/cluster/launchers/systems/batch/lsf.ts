import type { Launcher, LauncherJson } from '../../launcher.ts';
import { BatchLauncher } from './batch-launcher.ts';
import { type BatchSystem, lines, needsOf, type QueuedJob, when } from './batch-system.ts';

const QUEUED = new Set(['PEND', 'PSUSP', 'WAIT']);
const ENDED = new Set(['DONE', 'EXIT']);

/** IBM Spectrum LSF. */
export const LSF: BatchSystem = {
  kind: 'lsf',
  script: (job) => {
    const { options, request, command, log } = job;
    const { cpus, gpus } = needsOf(job);
    const { queue, account, time, mem, lines: more = [] } = options;
    return lines(
      '#!/bin/sh',
      `#BSUB -J ${request.cluster}`,
      `#BSUB -o ${log}`,
      '#BSUB -rn',
      `#BSUB -n ${cpus}`,
      '#BSUB -R "span[hosts=1]"',
      gpus === 0 ? undefined : `#BSUB -gpu "num=${gpus}"`,
      when(mem, `#BSUB -M ${mem}`),
      when(time, `#BSUB -W ${time}`),
      when(queue, `#BSUB -q ${queue}`),
      when(account, `#BSUB -P ${account}`),
      ...more,
      'umask 077',
      `exec ${command}`,
    );
  },
  submit: ['bsub'],
  jobOf: (text) => /Job <(\d+)> is submitted/.exec(text)?.[1],
  query: (ids) => ['bjobs', '-noheader', '-o', "jobid stat exec_host pend_reason delimiter='|'", ...ids],
  read: (text) =>
    text.split('\n').flatMap((line) => {
      const [id = '', stat = '', host = '', reason = ''] = line.trim().split('|');
      return /^\d+$/.test(id) && stat !== '' ? [{ id, ...stateOf(stat, host, reason) }] : [];
    }),
  unknown: /is not found|No unfinished job/i,
  cancel: (ids) => ['bkill', ...ids],
  variables: ['LSF_ENVDIR', 'LSF_SERVERDIR', 'LSF_BINDIR', 'LSF_LIBDIR'],
};

// `4*host` stands for four processors of a host.
function stateOf(stat: string, host: string, reason: string): Omit<QueuedJob, 'id'> {
  if (ENDED.has(stat)) return { state: 'ended' };
  const known = host === '' || host === '-' ? undefined : host.replace(/^\d+\*/, '').split(':')[0];
  if (!QUEUED.has(stat)) return { state: 'starting', host: known };
  return { state: 'queued', why: reason === '' || reason === '-' ? 'waits to be scheduled' : reason.trim() };
}

/** The launcher of `{ kind: 'lsf', … }`. @throws TypeError, RangeError for wrong options */
export function createLauncher(options: Readonly<Record<string, unknown>>): Launcher {
  return BatchLauncher.of(LSF, options);
}

/** The jobs of another process. @throws TypeError, RangeError, ProtocolError for another object */
export const fromJSON = (json: LauncherJson): Launcher => BatchLauncher.fromJSON(LSF, json);
