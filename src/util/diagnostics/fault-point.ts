// Named places at which a test makes a process fail, by the variable DIRECTVIEW_FAULT. Without it they cost nothing.
import process from 'node:process';

/** A place in the product where a fault may be injected. */
export type FaultPoint =
  /** The engine has its sockets and its context; it has not registered. */
  | 'engine.start'
  /** The engine has taken a task from its queue; its code has not begun. */
  | 'engine.run'
  /** The task has run; its reply has not been handed to the socket. */
  | 'engine.reply'
  /** A chunk of a large message was taken in. */
  | 'link.chunkIn'
  /** A chunk of a large message is about to leave. */
  | 'link.chunkOut'
  /** The client has handed a task to its link. */
  | 'client.submit'
  /** The controller has put an engine on its roster and not told anybody. */
  | 'controller.admit';

/** How the process fails: it is killed, it stops until somebody sends SIGCONT, or it exits with code 70. */
export type FaultAction = 'kill' | 'stop' | 'exit';

/** One entry of DIRECTVIEW_FAULT. */
export interface FaultRule {
  readonly point: string;
  /** Only in the engine of this slot; absent: in every process that has the variable. */
  readonly slot: number | undefined;
  readonly action: FaultAction;
  /** At the n-th time that the place is reached. */
  readonly at: number;
}

const ENTRY = /^([a-z]+\.[a-zA-Z]+)(?:@(\d+))?:(kill|stop|exit)(?:\/(\d+))?$/;

/**
 * Reads `point[@slot]:action[/n]`, several with commas between them: `engine.reply@1:kill/3`.
 * @throws RangeError naming the entry that cannot be read
 */
export function parseFaults(text: string): FaultRule[] {
  return text
    .split(',')
    .filter((entry) => entry !== '')
    .map((entry) => {
      const match = ENTRY.exec(entry);
      if (match === null) throw new RangeError(`DIRECTVIEW_FAULT: '${entry}' is not point[@slot]:kill|stop|exit[/n]`);
      const [, point, slot, action, at] = match;
      return {
        point: point as string,
        slot: slot === undefined ? undefined : Number(slot),
        action: action as FaultAction,
        at: Number(at ?? 1),
      };
    });
}

/** Bound early: an engine sends its last replies before a signal of its own, and a fault must not wait for that. */
const kill = process.kill.bind(process);
const rules = parseFaults(process.env['DIRECTVIEW_FAULT'] ?? '');
const reached = new Map<FaultRule, number>();
let own: number | undefined;

/** Tells which engine this process is, for rules with a slot. */
export function faultsOfSlot(slot: number | undefined): void {
  own = slot;
}

/** Marks a place where a test may make this process fail. */
export const faultPoint: (point: FaultPoint) => void = rules.length === 0 ? () => {} : reach;

function reach(point: FaultPoint): void {
  for (const rule of rules) {
    if (rule.point !== point || (rule.slot !== undefined && rule.slot !== own)) continue;
    const count = (reached.get(rule) ?? 0) + 1;
    reached.set(rule, count);
    if (count === rule.at) act(rule.action);
  }
}

/** Milliseconds that a system may take to deliver a signal to the process that sent it. */
const DELIVERY_MS = 100;

function act(action: FaultAction): void {
  if (action === 'exit') process.exit(70);
  kill(process.pid, action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
  // Not every kernel delivers it before the call returns, and nothing may happen in between.
  const never = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(never, 0, 0, action === 'kill' ? Number.POSITIVE_INFINITY : DELIVERY_MS);
}
