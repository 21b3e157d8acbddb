import { Session } from 'node:inspector';
import { setImmediate } from 'node:timers';
import type { ProfileValue } from '../../src/protocol/methods.ts';
import { callable, type Verb } from './verb.ts';

/** Microseconds between two samples. */
const INTERVAL = 500;

let session: Session | undefined;
/** Does a profile of one call, or of all tasks, run? */
let sampled: 'call' | 'all' | undefined;

/** Samples what this engine computes, with V8's CPU profiler: during one call, or from a start to a stop. */
export const profile: Verb<'profile'> = {
  runsUserCode: (args) => args.do === 'call',
  run(args) {
    if (args.do === 'stop') return { value: undefined, profile: stop() };
    start(args.do === 'call' ? 'call' : 'all');
    return args.do === 'call' ? during(callable(args.fn, 'profile'), args.args) : { value: undefined, profile: '' };
  },
};

// A signal that ends the function skips `finally`: dropProfile.
async function during(fn: (...args: unknown[]) => unknown, args: readonly unknown[]): Promise<ProfileValue> {
  try {
    const value = await fn(...args);
    return { value, profile: stop() };
  } finally {
    stop();
  }
}

function start(what: 'call' | 'all'): void {
  end();
  ask('Profiler.enable');
  ask('Profiler.setSamplingInterval', { interval: INTERVAL });
  ask('Profiler.start');
  sampled = what;
}

/** Ends a profile that nobody wants any more. */
function end(): void {
  sampled = undefined;
  if (session === undefined) return;
  try {
    ask('Profiler.stop');
  } catch {
    // None was taken.
  }
}

/** The profile as JSON; empty where none was taken. */
function stop(): string {
  if (sampled === undefined) return '';
  sampled = undefined;
  const { profile } = ask('Profiler.stop') as { readonly profile: object };
  ask('Profiler.disable');
  return JSON.stringify(profile);
}

/** Ends a profile whose function a signal has ended: it would cost the tasks after it a few per cent. */
export function dropProfile(): void {
  if (sampled !== 'call') return;
  sampled = undefined;
  // While the signal unwinds the stack, V8 takes no commands.
  setImmediate(() => sampled === undefined && end());
}

/** Within one thread the answer is there when `post` returns. */
function ask(method: string, params: object = {}): object {
  session ??= connected();
  let answer: object = {};
  let failure: Error | null = null;
  session.post(method, params, (error, result) => {
    failure = error;
    answer = result ?? {};
  });
  if (failure !== null) throw failure;
  return answer;
}

function connected(): Session {
  const made = new Session();
  made.connect();
  return made;
}
