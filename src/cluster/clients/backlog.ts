import type { BacklogSums } from '../../protocol/messages/backlog.ts';

const NOTHING: BacklogSums = { tasks: 0, unknown: 0, ms: 0 };

/** The load-balanced work of all clients, as each has told it last over its link. */
export class Backlog<Link> {
  readonly #told = new Map<Link, BacklogSums>();

  /** A client tells its work. */
  take(link: Link, { tasks, unknown, ms }: BacklogSums): void {
    this.#told.set(link, { tasks, unknown, ms });
  }

  /** The client is gone. */
  delete(link: Link): void {
    this.#told.delete(link);
  }

  /** The sums over all clients. */
  get all(): BacklogSums {
    return [...this.#told.values()].reduce(
      (sum, one) => ({ tasks: sum.tasks + one.tasks, unknown: sum.unknown + one.unknown, ms: sum.ms + one.ms }),
      NOTHING,
    );
  }
}
