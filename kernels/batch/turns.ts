import { setImmediate as nextTurn } from 'node:timers/promises';

let current: string | undefined;
let last: Promise<unknown> = Promise.resolve();
let computed = 0;

/**
 * Lets the operations of one group compute one after the other, because tfjs has one stack of scopes. Their pictures may be
 * read and written meanwhile. A group that was interrupted holds up no other: an engine runs one group at a time. Without
 * a group nothing else is under way.
 */
export function inTurn<T>(group: string | undefined, run: () => Promise<T>): Promise<T> {
  const isAlone = group === undefined;
  if (isAlone || group !== current) last = Promise.resolve();
  current = group;
  // Between two turns the event loop takes up what the codec and the disk have done.
  const turn = isAlone ? run() : last.then(() => nextTurn()).then(() => timed(run));
  last = turn.catch(() => {});
  return turn;
}

async function timed<T>(run: () => Promise<T>): Promise<T> {
  const started = performance.now();
  try {
    return await run();
  } finally {
    computed += performance.now() - started;
  }
}

/** Milliseconds that all turns of groups have taken so far. A picture that is read meanwhile has to wait for them. */
export function computedMs(): number {
  return computed;
}
