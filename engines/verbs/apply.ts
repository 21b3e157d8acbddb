import { callable, type Verb } from './verb.ts';

/** Calls a function with its arguments in the engine's namespace. */
export const apply: Verb<'apply'> = {
  runsUserCode: () => true,
  run({ fn, args }) {
    return callable(fn, 'apply')(...args);
  },
};
