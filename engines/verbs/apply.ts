// apply: calls a function with its arguments in the engine's namespace.
import type { ApplyArguments } from '../../src/protocol/methods.ts';
import { callable, type Verb } from './verb.ts';

export const apply: Verb<ApplyArguments> = {
  runsUserCode: () => true,
  run({ fn, args }) {
    return callable(fn, 'apply')(...args);
  },
};
