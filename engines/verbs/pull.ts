import { isPath } from '../user-code/evaluate.ts';
import { stringList, type Verb } from './verb.ts';

/** Gives the values of names or expressions (semantics B6). */
export const pull: Verb<'pull'> = {
  // An expression may call anything; a name cannot.
  runsUserCode: ({ names }) => !(typeof names === 'string' ? [names] : names).every(isPath),
  source: ({ names }) => String(names),
  run({ names }, { evaluator }) {
    if (typeof names === 'string') return evaluator.peek(names);
    return stringList(names, 'pull').map((name) => evaluator.peek(name));
  },
};
