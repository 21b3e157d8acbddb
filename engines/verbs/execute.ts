import type { ExecuteResult } from '../../src/protocol/methods.ts';
import { mimeBundle } from '../user-code/display.ts';
import type { Session, Verb } from './verb.ts';

/** Runs source text as a REPL does (semantics B7). */
export const execute: Verb<'execute'> = {
  runsUserCode: () => true,
  source: ({ code }) => code,
  stopsQueue: ({ silent = true }) => !silent,
  run({ code, silent = true }, session) {
    if (typeof code !== 'string') throw new TypeError(`execute wants source text, not ${typeof code}`);
    if (!silent) session.executionCount++;
    const value = session.evaluator.run(code);
    if (value instanceof Promise) return value.then((settled) => (silent ? undefined : result(settled, session)));
    return silent ? undefined : result(value, session);
  },
};

function result(value: unknown, session: Session): ExecuteResult {
  const data = value === undefined ? null : { 'text/plain': '', ...mimeBundle(value) };
  return { executionCount: session.executionCount, data };
}
