import type { Launcher, LauncherJson } from '../../launcher.ts';
import { BatchLauncher } from './batch-launcher.ts';
import { type BatchSystem, lines, needsOf, type QueuedJob, when } from './batch-system.ts';

const ROW = /^\s*(\d+)\s+[\d.]+\s+\S+\s+\S+\s+(\w+)\s+\S+\s+\S+(?:\s+(\S+@\S+))?/;

/** Sun, Open and Univa Grid Engine. Cards are the resource `gpu`, processors those of the parallel environment `smp`. */
export const SGE: BatchSystem = {
  kind: 'sge',
  script: (job) => {
    const { options, request, command, log } = job;
    const { cpus, gpus } = needsOf(job);
    const { queue, account, time, mem, lines: more = [] } = options;
    return lines(
      '#!/bin/sh',
      `#$ -N ${/^\d/.test(request.cluster) ? `dv-${request.cluster}` : request.cluster}`,
      '#$ -S /bin/sh',
      '#$ -j y',
      `#$ -o ${log}`,
      '#$ -r n',
      cpus === 1 ? undefined : `#$ -pe smp ${cpus}`,
      gpus === 0 ? undefined : `#$ -l gpu=${gpus}`,
      when(mem, `#$ -l h_vmem=${mem}`),
      when(time, `#$ -l h_rt=${time}`),
      when(queue, `#$ -q ${queue}`),
      when(account, `#$ -P ${account}`),
      ...more,
      'umask 077',
      `exec ${command}`,
    );
  },
  submit: ['qsub', '-terse'],
  jobOf: (text) => /^(\d+)\s*$/m.exec(text)?.[1],
  query: () => ['qstat'],
  read: (text) => text.split('\n').flatMap((line) => readRow(ROW.exec(line)) ?? []),
  unknown: /(?!)/,
  cancel: (ids) => ['qdel', ...ids],
  variables: ['SGE_ROOT', 'SGE_CELL', 'SGE_CLUSTER_NAME', 'SGE_QMASTER_PORT', 'SGE_EXECD_PORT'],
};

// `qw` waits, `hqw` is held, `Eqw` has failed to start and stays; `r`, `t`, `s`, `dr` have their place.
function readRow(row: RegExpExecArray | null): QueuedJob | undefined {
  if (row === null) return undefined;
  const [, id = '', state = '', at] = row;
  if (!state.includes('q')) return { id, state: 'starting', host: at?.split('@')[1] };
  const why = state.startsWith('E') ? `could not be started (${state}): qstat -j ${id} says why` : `waits (${state})`;
  return { id, state: 'queued', why };
}

/** The launcher of `{ kind: 'sge', … }`. @throws TypeError, RangeError for wrong options */
export function createLauncher(options: Readonly<Record<string, unknown>>): Launcher {
  return BatchLauncher.of(SGE, options);
}

/** The jobs of another process. @throws TypeError, RangeError, ProtocolError for another object */
export const fromJSON = (json: LauncherJson): Launcher => BatchLauncher.fromJSON(SGE, json);
