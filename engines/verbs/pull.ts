import { assertLayout } from '../../src/protocol/values/value-layout.ts';
import { isThenable } from '../../src/util/thenable.ts';
import { isPath } from '../user-code/evaluate.ts';
import { stringList, type Verb } from './verb.ts';

/** Gives the values of names or expressions (semantics B6). */
export const pull: Verb<'pull'> = {
  // An expression may call anything; a name cannot.
  runsUserCode: ({ names }) => !(typeof names === 'string' ? [names] : names).every(isPath),
  source: ({ names }) => String(names),
  run({ names, wanted }, { evaluator }) {
    if (typeof names !== 'string') return stringList(names, 'pull').map((name) => evaluator.peek(name));
    const value = evaluator.peek(names);
    if (wanted === undefined) return value;
    const fitting = (found: unknown): unknown => {
      assertLayout(found, wanted, `the value of '${names}'`);
      return found;
    };
    return isThenable(value) ? value.then(fitting) : fitting(value);
  },
};
