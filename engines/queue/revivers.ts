import type { Revivers } from '../../src/protocol/codec.ts';
import type { Libraries } from '../device/libraries.ts';
import type { Evaluator } from '../user-code/evaluate.ts';
import type { UserNamespace } from '../user-code/namespace.ts';

/** How references decode: for user code, or for the engine itself, which shows the value to nobody. */
export interface TaskRevivers {
  readonly shown: Revivers;
  readonly unseen: Revivers;
}

/** How functions, references and modules in bodies decode on this engine. */
export function createRevivers(evaluator: Evaluator, libraries: Libraries, namespace: UserNamespace): TaskRevivers {
  const shown = revivers(evaluator, libraries, (expression) => {
    const value = evaluator.reference(expression);
    namespace.show(value);
    return value;
  });
  return { shown, unseen: revivers(evaluator, libraries, (expression) => evaluator.peek(expression)) };
}

function revivers(evaluator: Evaluator, libraries: Libraries, ref: Revivers['ref']): Revivers {
  return {
    fn: (source) => {
      libraries.mention(source);
      return evaluator.fn(source);
    },
    ref,
    module: (url, name) => libraries.module(url, name),
  };
}
