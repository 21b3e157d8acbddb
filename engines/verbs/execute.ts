import type { ExecuteResult } from '../../src/protocol/methods.ts';
import { mimeBundle } from '../../src/protocol/mime-bundle.ts';
import type { EngineState } from '../engine-state.ts';
import type { Verb } from './verb.ts';

/** Runs source text as a REPL does (semantics B7). */
export const execute: Verb<'execute'> = {
  load: ({ evaluator }) => evaluator.load(),
  runsUserCode: () => true,
  source: ({ code }) => code,
  stopsQueue: ({ silent = true }) => !silent,
  run({ code, silent = true }, state) {
    if (typeof code !== 'string') throw new TypeError(`execute wants source text, not ${typeof code}`);
    if (!silent) state.executionCount++;
    const value = state.evaluator.run(code);
    if (value instanceof Promise) return value.then((settled) => (silent ? undefined : result(settled, state)));
    return silent ? undefined : result(value, state);
  },
};

function result(value: unknown, state: EngineState): ExecuteResult {
  const data = value === undefined ? null : { 'text/plain': '', ...mimeBundle(value) };
  return { executionCount: state.executionCount, data };
}
