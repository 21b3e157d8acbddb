import { AbortError } from '../../errors.ts';
import type { BacklogSums } from '../../protocol/messages/backlog.ts';
import { AdaptivePolicy, type AdaptOptions } from '../launchers/adaptive-policy.ts';
import type { ClusterEvent } from '../start-options.ts';
import type { Scaling } from './scaling.ts';

const INTERVAL_MS = 1000;

/** The part of a cluster that an adaptation asks and tells. */
export interface AdaptationHost {
  readonly scaling: Scaling;
  /** The work of all clients. */
  backlog(): BacklogSums;
  /** Engines that are there or are to come; not those that end. */
  engines(): number;
  /** From now on clients tell their work every so many milliseconds; 0: not any more. */
  wantBacklog(every: number): void;
  tell(event: ClusterEvent): void;
}

/** Looks at intervals how much work there is, and scales the cluster as the policy says, until it is stopped. */
export class Adaptation {
  readonly #policy: AdaptivePolicy;
  readonly #host: AdaptationHost;
  readonly #timer: NodeJS.Timeout;
  #isStopped = false;

  constructor(options: AdaptOptions, host: AdaptationHost) {
    const { interval = INTERVAL_MS } = options;
    this.#policy = new AdaptivePolicy(options);
    this.#host = host;
    host.wantBacklog(Math.max(1, Math.round(interval / 2)));
    this.#timer = setInterval(() => this.#look(), interval).unref();
    this.#look();
  }

  #look(): void {
    const backlog = this.#host.backlog();
    const wanted = this.#policy.look({ now: performance.now(), backlog, engines: this.#host.engines() });
    if (wanted === undefined) return;
    const why = `${backlog.tasks} load-balanced ${backlog.tasks === 1 ? 'task has' : 'tasks have'} not ended`;
    this.#host.scaling.to(wanted, { why }).then(
      () => this.#policy.succeeded(),
      (error: Error) => this.#failed(error),
    );
  }

  // A later decision, or the end of it all, takes over without harm.
  #failed(error: Error): void {
    if (this.#isStopped || error instanceof AbortError) return;
    this.#policy.failed(performance.now());
    this.#host.tell({ type: 'scale-failed', error });
  }

  /** Looks no more; what was asked for goes on. Idempotent. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#host.wantBacklog(0);
  }
}
