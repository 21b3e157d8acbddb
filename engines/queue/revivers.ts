import type { Revivers } from '../../src/protocol/codec.ts';
import type { Libraries } from '../device/libraries.ts';
import type { Evaluator } from '../user-code/evaluate.ts';
import type { UserNamespace } from '../user-code/namespace.ts';
import type { BuiltInMethods } from './built-in-methods.ts';

/** How references decode: for user code, or for the engine itself, which shows the value to nobody. */
export interface TaskRevivers {
  readonly shown: Revivers;
  readonly unseen: Revivers;
}

/** The parts that decode functions and modules. */
export interface ReviverParts {
  readonly evaluator: Evaluator;
  readonly libraries: Libraries;
  readonly methods: BuiltInMethods;
}

/** How functions, references and modules in bodies decode on this engine. */
export function createRevivers(parts: ReviverParts, namespace: UserNamespace): TaskRevivers {
  const { evaluator } = parts;
  const shown = revivers(parts, (expression) => {
    const value = evaluator.reference(expression);
    namespace.show(value);
    return value;
  });
  return { shown, unseen: revivers(parts, (expression) => evaluator.peek(expression)) };
}

function revivers({ evaluator, libraries, methods }: ReviverParts, ref: Revivers['ref']): Revivers {
  return {
    fn: (source) => {
      libraries.mention(source);
      methods.mention(source);
      return evaluator.fn(source);
    },
    ref,
    module: (url, name) => libraries.module(url, name),
  };
}
