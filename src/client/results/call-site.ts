import { CompositeError, DirectViewError, dropFrames, RemoteError } from '../../errors.ts';
import { isCallers } from '../../util/user-modules/caller-frames.ts';

/** Functions whose frames, and those above them, are left out. */
type Below = (new (...args: never[]) => unknown) | ((...args: never[]) => unknown);

/** The place in the user's program where a call was made. V8 takes the frames at the call and makes text of them later. */
export class CallSite {
  declare readonly stack: string;
  readonly #original: CallSite | undefined;
  #near: CallSite | undefined;
  #caller: string | undefined;

  /** Takes the frames now; or stands for a call near another one. */
  constructor(at: Below | CallSite) {
    if (at instanceof CallSite) this.#original = at;
    else Error.captureStackTrace(this, at);
  }

  /** The site of calls close to this one, which did not take frames of their own. */
  get near(): CallSite {
    this.#near ??= new CallSite(this);
    return this.#near;
  }

  /** The caller's frames under a line that says so, without those of this library and of Node; empty if there are none. */
  get caller(): string {
    this.#caller ??= this.#text();
    return this.#caller;
  }

  #text(): string {
    const { stack } = this.#original ?? this;
    const frames = stack.split('\n').filter(isCallers);
    const head = this.#original === undefined ? '  called from' : '  called near';
    return frames.length === 0 ? '' : [head, ...frames].join('\n');
  }

  /** The error, with the caller's frames in its stack. Other errors than those of calls and waits stay as they are. */
  mark<E>(error: E): E {
    const { caller } = this;
    if (error instanceof RemoteError || error instanceof CompositeError) error.place({ caller });
    else if (error instanceof DirectViewError && caller !== '') {
      dropFrames(error);
      error.stack = `${error.name}: ${error.message}\n${caller}`;
    }
    return error;
  }
}

/** Taking frames costs 4 µs, a fifth of a short task: within a millisecond, calls beyond these share the last frames. */
const MOST_PER_MS = 8;
let millisecond = 0;
let taken = 0;
let last: CallSite | undefined;

/** The site of a call made now: `ms` since 1970. */
export function callSite(below: Below, ms: number): CallSite {
  if (ms !== millisecond) {
    millisecond = ms;
    taken = 0;
  }
  if (last === undefined || ++taken <= MOST_PER_MS) {
    last = new CallSite(below);
    return last;
  }
  return last.near;
}
