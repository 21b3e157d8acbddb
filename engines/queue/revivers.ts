import type { Revivers } from '../../src/protocol/codec.ts';
import type { Libraries } from '../device/libraries.ts';
import type { Evaluator } from '../user-code/evaluate.ts';

/** How functions, references and modules in bodies decode on this engine. */
export function createRevivers(evaluator: Evaluator, libraries: Libraries): Revivers {
  return {
    fn: (source) => {
      libraries.mention(source);
      return evaluator.fn(source);
    },
    ref: (expression) => evaluator.expression(expression),
    module: (url, name) => libraries.module(url, name),
  };
}
