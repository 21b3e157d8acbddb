import { InvalidDependency } from '../../errors.ts';
import type { TaskId } from '../../protocol/messages.ts';
import { checkOptions, FLAG, type Rules } from '../../util/checks.ts';
import { noMore } from '../../util/signature.ts';
import type { Task } from '../links/task.ts';
import { AsyncResult } from '../results/async-result.ts';

/** Message ids, results, or lists of them. */
export type DependencyJobs = TaskId | AsyncResult<unknown, unknown> | readonly DependencyJobs[];

/** When a Dependency is met. */
export interface DependencyOptions {
  /** true (default): each of the tasks; false: one of them is enough. */
  readonly all?: boolean;
  /** Does a task that succeeded count? Default true. */
  readonly success?: boolean;
  /** Does a task that failed count? Default false. */
  readonly failure?: boolean;
}

const DEPENDENCY_OPTIONS: Rules<DependencyOptions> = { all: FLAG, success: FLAG, failure: FLAG };

/**
 * Tasks that must have ended before another starts (`after`), or whose engine it must share (`follow`).
 * @example
 * const either = new Dependency([first, second], { all: false });
 * await lview.with({ after: either }).apply(() => 'one of them is done');
 */
export class Dependency {
  /** The tasks, or the message ids of tasks. */
  readonly jobs: readonly (TaskId | Task)[];
  /** Must each of them have ended? Else one is enough. */
  readonly all: boolean;
  /** Does a task that succeeded count? */
  readonly success: boolean;
  /** Does a task that failed count? */
  readonly failure: boolean;

  /** @throws TypeError when neither success nor failure counts, and for jobs of another kind */
  constructor(jobs: DependencyJobs, options: DependencyOptions = {}, ...surplus: never[]) {
    noMore(surplus, 'new Dependency', ['jobs', 'options']);
    const { all = true, success = true, failure = false } = checkOptions(options, DEPENDENCY_OPTIONS, 'new Dependency');
    if (!success && !failure) throw new TypeError('a Dependency on neither success nor failure can never be met');
    this.jobs = flatten(jobs);
    this.all = all;
    this.success = success;
    this.failure = failure;
  }

  /** The message ids of the tasks. */
  get ids(): TaskId[] {
    return this.jobs.map((job) => (typeof job === 'string' ? job : job.id));
  }
}

function flatten(jobs: unknown): (TaskId | Task)[] {
  if (typeof jobs === 'string') return [jobs];
  if (jobs instanceof AsyncResult) return [...jobs.tasks];
  if (Array.isArray(jobs)) return jobs.flatMap(flatten);
  throw new TypeError(`a dependency is a message id, an AsyncResult, or a list of them, not ${String(jobs)}`);
}

/** `impossible`: it can never be met. */
export type DependencyState = 'met' | 'waiting' | 'impossible';

/** A dependency whose tasks are known. */
export class KnownDependency {
  readonly tasks: readonly Task[];
  readonly #rule: Dependency;

  /** @throws InvalidDependency naming an id that this client does not know */
  constructor(rule: Dependency, find: (id: TaskId) => Task | undefined) {
    this.#rule = rule;
    this.tasks = rule.jobs.map((job) => {
      const task = typeof job === 'string' ? find(job) : job;
      if (task === undefined) throw new InvalidDependency(`no task '${String(job)}' is known to this client`);
      return task;
    });
  }

  get ids(): TaskId[] {
    return this.tasks.map((task) => task.id);
  }

  /** Is it met? */
  get state(): DependencyState {
    const { all } = this.#rule;
    const counted = this.tasks.filter((task) => this.#counts(task)).length;
    const lost = this.tasks.filter((task) => task.outcome !== undefined && !this.#counts(task)).length;
    if (this.tasks.length === 0 || (all ? counted === this.tasks.length : counted > 0)) return 'met';
    return (all ? lost > 0 : lost === this.tasks.length) ? 'impossible' : 'waiting';
  }

  #counts({ outcome }: Task): boolean {
    if (outcome === undefined) return false;
    return outcome.ok ? this.#rule.success : this.#rule.failure;
  }

  /** Incarnations that ran the tasks that count, once met: only they may follow. Empty: no engine ran them all. */
  get engines(): ReadonlySet<string> {
    const uuids = new Set(this.tasks.filter((task) => this.#counts(task)).flatMap((task) => task.engine?.uuid ?? []));
    return this.#rule.all && uuids.size > 1 ? new Set() : uuids;
  }
}
