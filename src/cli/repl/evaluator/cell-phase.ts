/** The work of a session's main thread, as its other threads see it. */
const PHASES = { idle: 0, waits: 1 } as const;

/** One number in shared memory: a key of PHASES. */
export const CELL_PHASE = new Int32Array(new SharedArrayBuffer(4));

/** `waits`: code of the user awaits something, so that whatever computes goes on with it. */
export function enterPhase(phase: keyof typeof PHASES): void {
  Atomics.store(CELL_PHASE, 0, PHASES[phase]);
}

/** True while code of the user awaits something, or goes on behind an `await`. */
export function isWaiting(phase: Int32Array): boolean {
  return Atomics.load(phase, 0) === PHASES.waits;
}
