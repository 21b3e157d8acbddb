import { type Check, checkOptions, count, must, type Rules, TEXT } from '../../../../util/checks.ts';
import { POLL } from '../polling.ts';
import { PLAIN_FIELD } from '../template.ts';

/** The options of `{ kind: 'pbs' }`, `lsf`, `sge` and `htcondor`. The texts go into the job's script as they are. */
export interface BatchJobOptions {
  readonly queue?: string | undefined;
  /** The account, or project, that pays. */
  readonly account?: string | undefined;
  /** The time limit, in the system's own form: `2:00:00`. */
  readonly time?: string | number | undefined;
  /** Memory of each job, in the system's own form: `8gb`. */
  readonly mem?: string | undefined;
  /** Cards per engine; default 1, and 0 where engines compute on the processor. */
  readonly gpus?: number | undefined;
  /** Processors per engine; default: the engine's threads. */
  readonly cpus?: number | undefined;
  /** Engines of one job, and so on one host; default 1. */
  readonly perAgent?: number | undefined;
  /** Further lines of the script, as `['#PBS -W umask=0077']`. */
  readonly lines?: readonly string[] | undefined;
  /** Your own script: `{command}` starts the agent. See docs/launchers.md for its fields. */
  readonly template?: string | undefined;
  /** Milliseconds between two questions to the queue; default 5000. */
  readonly poll?: number | undefined;
}

const TIME: Check = must("a time such as '2:00:00'", (value) => /^[\d:]+$/.test(String(value)));
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are refused
const CONTROL = /[\u0000-\u001f\u007f]/;
const LINES: Check = must('a list of lines without line breaks', (value) => {
  return Array.isArray(value) && value.every((line) => typeof line === 'string' && !CONTROL.test(line));
});

const RULES: Rules<BatchJobOptions> = {
  queue: PLAIN_FIELD,
  account: PLAIN_FIELD,
  time: TIME,
  mem: PLAIN_FIELD,
  gpus: count(),
  cpus: count(1),
  perAgent: count(1),
  lines: LINES,
  template: TEXT,
  poll: POLL,
};

/** @throws TypeError, RangeError for an unknown option or a wrong value */
export function checkBatch(options: Readonly<Record<string, unknown>>, kind: string): BatchJobOptions {
  return checkOptions(options as BatchJobOptions, RULES, `launcher '${kind}'`);
}
