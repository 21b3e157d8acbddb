import {
  ANYTHING,
  DURATION,
  FLAG,
  FUNCTION,
  must,
  optionsOf,
  type Rules,
  shown,
  TEXT,
  TEXTS,
  WAIT,
  WORD,
} from '../../util/checks.ts';
import { promises, takes } from '../../util/signature.ts';
import type { QueueOptions } from '../jobs/queue-status.ts';
import type { InterruptOptions } from '../links/engine-links.ts';
import { NAME, NAMES, NAMESPACE } from '../names.ts';
import {
  CALL_OPTIONS,
  CALLABLE,
  EXECUTE_OPTIONS,
  GATHER_OPTIONS,
  JOB,
  JOBS,
  PULL_OPTIONS,
  SCATTER_OPTIONS,
  TARGET_OPTIONS,
  type TargetOptions,
} from '../options.ts';
import type { ImportOptions } from './import-module.ts';
import { PARALLEL_OPTIONS } from './remote-functions.ts';

/** The kind of each option of `importModule`. */
export const IMPORT_OPTIONS: Rules<ImportOptions & TargetOptions> = { ...TARGET_OPTIONS, as: WORD, names: TEXTS };
/** The kind of each option of `queueStatus`. */
export const QUEUE_OPTIONS: Rules<QueueOptions> = { verbose: FLAG };
/** The kind of each option of `interrupt`. */
export const INTERRUPT_OPTIONS: Rules<InterruptOptions> = { grace: DURATION, all: FLAG, ids: TEXTS };

const SOURCE = must('source text', (value) => typeof value === 'string');
const NAME_LIST = must("a list of names such as ['a', 'b']", Array.isArray);
const EXPRESSION = must('a name or an expression', (value) => typeof value === 'string' && value.trim() !== '');

// As in ipyparallel.
const PULL = optionsOf(PULL_OPTIONS, (value, where) => {
  if (typeof value !== 'string') return false;
  throw new TypeError(`${where} takes several names as a list, pull(['a', 'b']): options are not ${shown(value)}`);
});

/** The arguments of a DirectView's methods. */
export const DIRECT_VIEW = {
  with: takes({ options: optionsOf(CALL_OPTIONS) }),
  apply: takes({ fn: CALLABLE }, {}, ANYTHING),
  map: takes({ fn: CALLABLE }, {}, ANYTHING),
  profile: takes({ fn: CALLABLE }, {}, ANYTHING),
  execute: takes({ code: SOURCE }, { options: optionsOf(EXECUTE_OPTIONS) }),
  remote: takes({ fn: CALLABLE }),
  parallel: takes({ fn: CALLABLE }, { options: optionsOf(PARALLEL_OPTIONS) }),
  importModule: takes({ specifier: WORD }, { options: optionsOf(IMPORT_OPTIONS) }),
  run: takes({ file: TEXT }, { options: optionsOf(EXECUTE_OPTIONS) }),
  push: takes({ ns: NAMESPACE }, { options: optionsOf(TARGET_OPTIONS) }),
  pull: takes({ names: NAMES }, { options: PULL }),
  scatter: takes({ name: NAME, sequence: ANYTHING }, { options: optionsOf(SCATTER_OPTIONS) }),
  gather: takes({ name: EXPRESSION }, { options: optionsOf(GATHER_OPTIONS) }),
  clear: takes({}, { names: NAME_LIST, options: optionsOf(TARGET_OPTIONS) }),
  kernel: promises({ fn: FUNCTION, settings: must('an object such as { output: [100] }', isObject) }),
  kernelMap: promises({
    parts: must('an object or a list of functions', (value) => typeof value === 'object' && value !== null),
    fn: FUNCTION,
    settings: must('an object such as { output: [100] }', isObject),
  }),
  combineKernels: takes({}, {}, FUNCTION),
  memory: takes({}, { options: optionsOf(TARGET_OPTIONS) }),
  abort: promises({}, { jobs: JOBS }),
  wait: promises({}, { jobs: JOBS, ms: WAIT }),
  queueStatus: promises({}, { options: optionsOf(QUEUE_OPTIONS) }),
  getResult: takes({}, { job: JOB }),
  purge: promises({}, { jobs: JOBS }),
  shutdown: promises(),
  interrupt: promises({}, { options: optionsOf(INTERRUPT_OPTIONS) }),
};

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
