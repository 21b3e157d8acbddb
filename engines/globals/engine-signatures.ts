import {
  ANYTHING,
  type Check,
  DURATION,
  isPlainObject,
  must,
  optionsOf,
  type Rules,
  TEXT,
} from '../../src/util/checks.ts';
import { promises, type Signatures, takes } from '../../src/util/signature.ts';
import type { CollectiveOptions, RootedOptions } from '../collectives/collective-options.ts';
import type { ReceiveOptions } from '../peers/receive-options.ts';
import type { EngineGlobal } from './engine-global.ts';

// Which ranks there are, the collectives themselves know: a rank out of range is their RangeError.
const RANK: Check = must('the rank of an engine', (value) => typeof value === 'number');
const RANKS: Check = must(
  'a list of ranks',
  (value) => Array.isArray(value) && value.every((rank) => typeof rank === 'number'),
);
const RECEIVE: Rules<ReceiveOptions> = { timeout: DURATION };
const COLLECTIVE: Rules<CollectiveOptions> = { ranks: RANKS, timeout: DURATION, tag: TEXT };
const ROOTED: Rules<RootedOptions> = { ...COLLECTIVE, root: RANK };
const DATA = must('an object of names and values, such as { done: 0.5 }', isPlainObject);

/** The arguments of the methods of `engine`. */
export const ENGINE: Signatures<EngineGlobal, 'random'> = {
  memory: takes(),
  send: promises({ rank: RANK, tag: TEXT, value: ANYTHING }),
  recv: promises({ rank: RANK, tag: TEXT }, { options: optionsOf(RECEIVE) }),
  broadcast: promises({}, { value: ANYTHING, options: optionsOf(ROOTED) }),
  scatter: promises({}, { values: ANYTHING, options: optionsOf(ROOTED) }),
  gather: promises({}, { value: ANYTHING, options: optionsOf(ROOTED) }),
  allGather: promises({}, { value: ANYTHING, options: optionsOf(COLLECTIVE) }),
  reduce: promises({}, { value: ANYTHING, op: ANYTHING, options: optionsOf(ROOTED) }),
  allReduce: promises({}, { value: ANYTHING, op: ANYTHING, options: optionsOf(COLLECTIVE) }),
  reduceScatter: promises({}, { value: ANYTHING, op: ANYTHING, options: optionsOf(COLLECTIVE) }),
  allToAll: promises({}, { values: ANYTHING, options: optionsOf(COLLECTIVE) }),
  barrier: promises({}, { options: optionsOf(COLLECTIVE) }),
  publish: takes({ data: DATA }),
  tf: promises(),
  gpu: promises(),
};

/** The arguments of functions that user code finds beside `engine`. `sum` checks for itself. */
export const FUNCTIONS = {
  display: takes({ value: ANYTHING }),
  matmul: promises({ a: ANYTHING, b: ANYTHING }),
};
