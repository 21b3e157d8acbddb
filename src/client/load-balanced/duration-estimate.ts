import { Ref } from '../../protocol/values/ref.ts';
import { BoundedMap } from '../../util/bounded.ts';
import { ModuleFunction } from '../../util/module-function.ts';

/** How much of the distance to a shorter duration the estimate falls per run (EWMA). */
const FALL = 0.1;
// The first run may be an exception: an empty input, a cold cache.
const LEAST_RUNS = 4;
/** Functions whose estimates are kept. */
const KEPT = 1000;

/**
 * An estimate of how long the tasks of one function run: an exponentially weighted moving average that rises at once and
 * falls slowly. One long task ends the pipelining of its kind, and a few dozen short ones bring it back.
 */
export class DurationEstimate {
  #ms: number | undefined;
  #runs = 0;

  /** Milliseconds that the next task will probably run; undefined until a few have ended. */
  get ms(): number | undefined {
    return this.#runs < LEAST_RUNS ? undefined : this.#ms;
  }

  /** Takes into account that a task ran for `ms`. */
  learn(ms: number): void {
    this.#runs++;
    this.#ms = this.#ms === undefined ? ms : Math.max(ms, this.#ms + FALL * (ms - this.#ms));
  }
}

/** Duration estimates by function: one that was learnt in a call holds for the next. */
export class DurationEstimates {
  readonly #bySource = new BoundedMap<string, DurationEstimate>(KEPT);

  /** The estimate for tasks that call `fn`. */
  of(fn: unknown): DurationEstimate {
    const source = sourceOf(fn);
    return this.#bySource.get(source) ?? this.#bySource.set(source, new DurationEstimate());
  }
}

function sourceOf(fn: unknown): string {
  if (fn instanceof Ref) return `ref ${fn.expression}`;
  if (fn instanceof ModuleFunction) return `${fn.url} ${fn.name}`;
  return String(fn);
}
