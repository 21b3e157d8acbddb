import type { LaunchRequest } from '../../launcher.ts';
import { fillTemplate, posixQuoted } from '../template.ts';
import type { SlurmOptions } from './slurm-options.ts';

/** The batch script of one launch, before it has the agents' options. */
export interface BatchScript {
  readonly options: SlurmOptions;
  readonly request: Pick<LaunchRequest, 'slots' | 'gang' | 'gpusPerEngine' | 'cpusPerEngine' | 'cluster'>;
  /** The command line of an agent. */
  readonly command: readonly string[];
  /** The folder of the agents' output. */
  readonly log: string;
}

/** How many agents a launch has. */
export const agentsOf = ({ options: { perAgent = 1 }, request }: Pick<BatchScript, 'options' | 'request'>): number =>
  Math.ceil(request.slots.length / perAgent);

/** The needs of an agent, as options of sbatch and srun. */
export function resources({ options, request }: Pick<BatchScript, 'options' | 'request'>): string[] {
  const { perAgent = 1, gpus = request.gpusPerEngine, cpus = request.cpusPerEngine } = options;
  const card = gpus === 0 ? [] : [`--gpus-per-task=${gpus * perAgent}`];
  return [...card, `--cpus-per-task=${cpus * perAgent}`];
}

/** Where and how long it may run, as options of sbatch and srun. */
export function placeOptions({
  partition,
  account,
  qos,
  reservation,
  constraint,
  time,
  mem,
  args = [],
}: SlurmOptions): string[] {
  const named = { partition, account, qos, reservation, constraint, time, mem };
  const given = Object.entries(named).filter(([, value]) => value !== undefined);
  return [...given.map(([name, value]) => `--${name}=${value}`), ...args];
}

/**
 * The text of the script. Elements of an array start one by one; a gang is one job whose step has all agents, and which
 * outlives one of its hosts.
 */
export function batchScript(script: BatchScript): string {
  const { options, request, command, log } = script;
  const count = agentsOf(script);
  if (options.template !== undefined) return templateScript(options.template, script, count);
  const shape = request.gang
    ? [`--ntasks=${count}`, '--no-kill', `--output=${log}/job-%j.out`]
    : [`--array=0-${count - 1}`, '--ntasks=1', `--output=${log}/job-%A_%a.out`];
  const all = [
    `--job-name=${request.cluster}`,
    ...shape,
    '--no-requeue',
    ...resources(script),
    ...placeOptions(options),
  ];
  const start = request.gang
    ? ['srun', '--kill-on-bad-exit=0', '--input=none', ...resources(script), ...command]
    : command;
  return `${['#!/bin/sh', ...all.map((option) => `#SBATCH ${option}`), 'umask 077', `exec ${posixQuoted(start)}`].join('\n')}\n`;
}

function templateScript(template: string, { options, request, command, log }: BatchScript, count: number): string {
  const { perAgent = 1, gpus = request.gpusPerEngine, cpus = request.cpusPerEngine, time } = options;
  return fillTemplate(template, {
    command: posixQuoted(command),
    name: request.cluster,
    count,
    last: count - 1,
    engines: request.slots.length,
    gpus: gpus * perAgent,
    cpus: cpus * perAgent,
    log,
    time,
    partition: options.partition,
    account: options.account,
    qos: options.qos,
  });
}
