import { type Check, checkOptions, count, must, oneOf, type Rules, TEXT } from '../../../../util/checks.ts';
import { POLL } from '../polling.ts';
import { isPlainField, PLAIN_FIELD } from '../template.ts';

/** The options of `{ kind: 'slurm', … }`. The texts go to Slurm as they are: it knows which are right. */
export interface SlurmOptions {
  /**
   * `detached`: an array of jobs by sbatch, one for each agent, of which those start that fit. `attached`: one job step by
   * srun, which ends with this process. Default: attached inside an allocation, else detached.
   */
  readonly lifetime?: 'attached' | 'detached' | undefined;
  readonly partition?: string | undefined;
  readonly account?: string | undefined;
  readonly qos?: string | undefined;
  readonly reservation?: string | undefined;
  readonly constraint?: string | undefined;
  /** The time limit, as `30` (minutes), `2:00:00` or `1-00`. */
  readonly time?: string | number | undefined;
  /** Memory of each agent's job, as `8G`. */
  readonly mem?: string | undefined;
  /** Cards per engine; default 1, and 0 where engines compute on the processor. */
  readonly gpus?: number | undefined;
  /** Processors per engine; default: the engine's threads. */
  readonly cpus?: number | undefined;
  /** Engines of one agent, and so on one host; default 1. */
  readonly perAgent?: number | undefined;
  /** Further options for sbatch or srun: `['--exclude=n7']`. */
  readonly args?: readonly string[] | undefined;
  /** Your own batch script, for detached jobs: `{command}` starts the agent. See docs/launchers.md for its fields. */
  readonly template?: string | undefined;
  /** Milliseconds between two questions to squeue; default 2000. */
  readonly poll?: number | undefined;
}

const isPlain = (value: unknown): boolean => typeof value === 'string' && isPlainField(value);
/** Constraints join features by & | ( ) [ ] and *. */
const CONSTRAINT: Check = must(
  'features such as a100|h100',
  (value) => typeof value === 'string' && /^[\w.,:=&|()[\]*!-]+$/.test(value),
);
const TIME: Check = must("minutes, or a time such as '2:00:00'", (value) =>
  typeof value === 'number' ? Number.isSafeInteger(value) && value > 0 : /^[\d:-]+$/.test(String(value)),
);
const ARGS: Check = must(
  "a list of options such as ['--exclude=n7']",
  (value) => Array.isArray(value) && value.every((arg) => isPlain(arg) && String(arg).startsWith('-')),
);

const RULES: Rules<SlurmOptions> = {
  lifetime: oneOf('attached', 'detached'),
  partition: PLAIN_FIELD,
  account: PLAIN_FIELD,
  qos: PLAIN_FIELD,
  reservation: PLAIN_FIELD,
  constraint: CONSTRAINT,
  time: TIME,
  mem: PLAIN_FIELD,
  gpus: count(),
  cpus: count(1),
  perAgent: count(1),
  args: ARGS,
  template: TEXT,
  poll: POLL,
};

/** @throws TypeError, RangeError for an unknown option or a wrong value */
export function checkSlurm(options: Readonly<Record<string, unknown>>): SlurmOptions {
  const checked: SlurmOptions = checkOptions(options as SlurmOptions, RULES, "launcher 'slurm'");
  if (checked.template !== undefined && checked.lifetime === 'attached')
    throw new TypeError("launcher 'slurm': a template is a batch script, and attached engines have none");
  return checked;
}
