import type { Launcher, LauncherJson } from '../../launcher.ts';
import { BatchLauncher } from './batch-launcher.ts';
import { type BatchSystem, lines, needsOf, type QueuedJob, when } from './batch-system.ts';

const STATES: Readonly<Record<string, QueuedJob['state']>> = {
  '2': 'starting',
  '3': 'ended',
  '4': 'ended',
  '6': 'starting',
  '7': 'starting',
};

/** HTCondor on hosts that share a file system. Its text is a submit description, and the command an argument of /bin/sh. */
export const HTCONDOR: BatchSystem = {
  kind: 'htcondor',
  script: (job) => {
    const { options, command, log } = job;
    const { cpus, gpus } = needsOf(job);
    const { queue, account, time, mem, lines: more = [] } = options;
    return lines(
      'universe = vanilla',
      'executable = /bin/sh',
      'transfer_executable = false',
      'should_transfer_files = no',
      `arguments = "-c ${argument(`umask 077; exec ${command}`)}"`,
      `output = ${log}`,
      `error = ${log}`,
      `request_cpus = ${cpus}`,
      gpus === 0 ? undefined : `request_gpus = ${gpus}`,
      when(mem, `request_memory = ${mem}`),
      when(time, `allowed_job_duration = ${time}`),
      when(account, `accounting_group = ${account}`),
      when(queue, `requirements = (TARGET.Queue == "${queue}")`),
      'max_retries = 0',
      ...more,
      'queue 1',
    );
  },
  submit: ['condor_submit', '-terse', '-'],
  jobOf: (text) => /^(\d+\.\d+) - /m.exec(text)?.[1],
  query: (ids) => ['condor_q', ...ids, '-af:j,', 'JobStatus', 'RemoteHost', 'HoldReason'],
  read: (text) => text.split('\n').flatMap((line) => readRow(line) ?? []),
  unknown: /(?!)/,
  cancel: (ids) => ['condor_rm', ...ids],
  variables: ['CONDOR_CONFIG'],
};

// In its own quoting, a word in single quotes: both kinds of quotes are doubled, and `$` begins a macro.
const argument = (text: string): string =>
  `'${text.replaceAll("'", "''").replaceAll('"', '""').replaceAll('$', '$(DOLLAR)')}'`;

function readRow(line: string): QueuedJob | undefined {
  const [id = '', status = '', at = '', hold = ''] = line.split(',').map((text) => text.trim());
  if (!/^\d+\.\d+$/.test(id)) return undefined;
  const state = STATES[status] ?? 'queued';
  if (state !== 'queued') return { id, state, host: at === 'undefined' ? undefined : at.split('@').at(-1) };
  return { id, state, why: status === '5' ? `is held: ${hold}` : 'waits to be matched' };
}

/** The launcher of `{ kind: 'htcondor', … }`. @throws TypeError, RangeError for wrong options */
export function createLauncher(options: Readonly<Record<string, unknown>>): Launcher {
  return BatchLauncher.of(HTCONDOR, options);
}

/** The jobs of another process. @throws TypeError, RangeError, ProtocolError for another object */
export const fromJSON = (json: LauncherJson): Launcher => BatchLauncher.fromJSON(HTCONDOR, json);
