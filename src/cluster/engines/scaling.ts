import { AbortError, ClusterError } from '../../errors.ts';
import { MAX_ENGINES } from '../../protocol/messages/roster.ts';
import type { EngineId } from '../../protocol/messages.ts';
import { deferred } from '../../util/deferred.ts';
import type { ClusterEvent } from '../start-options.ts';
import type { Engines } from './engines.ts';

/** The part of a cluster that scaling asks and tells. */
export interface ScalingHost {
  /** How many tasks run and wait on each of these engines, those of all clients. One that does not answer has many. */
  loads(ids: readonly EngineId[]): Promise<ReadonlyMap<EngineId, number>>;
  tell(event: ClusterEvent): void;
}

/** The reasons for a change of the number of engines. */
export interface ScaleOptions {
  /** Gives it up: those that have not come are released, and those that have not ended stay. */
  readonly signal?: AbortSignal | undefined;
  /** For the event. */
  readonly why?: string | undefined;
}

/** The engines that one call has asked for, and those that it has asked to end. */
interface Change {
  readonly n: number;
  readonly asked: Set<EngineId>;
  readonly retired: EngineId[];
  /** The first engine that could not be started. */
  failure: unknown;
  /** How often it has asked for others, in place of those that left or failed meanwhile. */
  rounds: number;
}

/**
 * Brings a cluster to a number of engines. More: those that were about to end stay, those that have died are started
 * again, then new ones are asked for. Fewer: those that have not come are given up, the newest first; then those with the
 * least to do end, as soon as they have nothing to do. A later call takes over from an earlier one.
 */
export class Scaling {
  readonly #engines: Engines;
  readonly #host: ScalingHost;
  #calls = 0;
  /** Plans are made one after the other. */
  #planned: Promise<unknown> = Promise.resolve();
  /** Ends the wait of the latest call. */
  #endWait: (error: (n: number) => Error) => void = () => {};

  constructor(engines: Engines, host: ScalingHost) {
    this.#engines = engines;
    this.#host = host;
  }

  /**
   * Resolves when the engines have come, and those that are too many have ended.
   * @throws RangeError; ClusterError when one of them cannot be started; AbortError, also when a later call takes over
   */
  async to(n: number, { signal, why }: ScaleOptions = {}): Promise<void> {
    // A peer may ask for any number, past the check of the client.
    this.check(n);
    if (signal?.aborted) throw aborted(n, signal);
    const call = ++this.#calls;
    this.#endWait(gaveWay);
    const change: Change = { n, asked: new Set(), retired: [], failure: undefined, rounds: 0 };
    const plan = this.#planned.then(() => (call === this.#calls ? this.#plan(change, why) : undefined));
    this.#planned = plan.catch(() => {});
    await plan;
    if (call !== this.#calls) throw gaveWay(n);
    await this.#done(change, signal);
  }

  /** Refuses what cannot be, before anything ends or starts. @throws RangeError beyond the most engines that there can be */
  check(n: number): void {
    if (n > MAX_ENGINES) throw new RangeError(`a cluster has at most ${MAX_ENGINES} engines, not ${n}`);
    const { most } = this.#engines;
    if (n > most)
      throw new RangeError(
        `the launcher has places for ${most} engines, not ${n}: start the cluster with more of them (ssh: hosts: 'a:4,b:4')`,
      );
  }

  async #plan(change: Change, why: string | undefined): Promise<void> {
    const from = this.#engines.count;
    if (from !== change.n) this.#host.tell({ type: 'scale', from, to: change.n, why });
    if (change.n > from) this.#grow(change, change.n - from);
    else if (change.n < from) await this.#shrink(change, from - change.n);
  }

  #grow(change: Change, missing: number): void {
    const { leaving, dead } = this.#engines.census;
    const kept = leaving.slice(0, missing);
    for (const slot of kept) void this.#engines.keep(slot);
    const revived = dead.slice(0, missing - kept.length);
    for (const slot of revived) this.#ask(change, slot, this.#engines.revive(slot));
    const fresh = missing - kept.length - revived.length;
    if (fresh > 0) for (const [slot, arrival] of this.#engines.grow(fresh)) this.#ask(change, slot, arrival);
  }

  #ask(change: Change, slot: EngineId, arrival: Promise<void>): void {
    change.asked.add(slot);
    arrival.catch((error: unknown) => {
      change.failure ??= error;
    });
  }

  async #shrink(change: Change, surplus: number): Promise<void> {
    const released = [...this.#engines.census.coming].sort((a, b) => b - a).slice(0, surplus);
    await Promise.all(released.map((slot) => this.#engines.release(slot)));
    if (released.length === surplus) return;
    const loads = await this.#host.loads(there(this.#engines));
    // Some may have died while they were asked.
    const idlest = there(this.#engines).sort(byLoad(loads));
    for (const slot of idlest.slice(0, surplus - released.length)) {
      this.#engines.retire(slot, `was shut down: the cluster was scaled to ${change.n}`);
      change.retired.push(slot);
    }
  }

  async #done(change: Change, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = deferred();
    const look = () => {
      try {
        if (signal?.aborted || !this.#isDone(change)) return;
        if (change.failure === undefined) resolve();
        else reject(change.failure);
      } catch (error) {
        reject(error); // the cluster is stopped
      }
    };
    const onAbort = () => {
      const end = () => reject(aborted(change.n, signal));
      this.#undo(change).then(end, end); // the cluster may be stopped
    };
    this.#endWait = (error) => reject(error(change.n));
    const off = this.#engines.onChange(look);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    else look();
    await promise.finally(() => {
      off();
      signal?.removeEventListener('abort', onAbort);
    });
  }

  #isDone(change: Change): boolean {
    const { live, coming, leaving, staying } = this.#engines.census;
    if (coming.length > 0 || leaving.length > 0 || staying.length > 0) return false;
    const missing = change.n - live.length;
    if (missing <= 0 || change.failure !== undefined || change.rounds++ >= MAX_ROUNDS) return true;
    // Some had ended before they knew that they were to stay, or an earlier call's did not come.
    this.#grow(change, missing);
    return false;
  }

  /** The cluster ends. */
  stop(): void {
    this.#endWait((n) => new ClusterError(`the cluster was stopped before it had ${n} engines`));
  }

  // Until those that were to end have said that they stay, or have ended: they may have begun to.
  async #undo({ asked, retired }: Change): Promise<void> {
    const { coming, leaving } = this.#engines.census;
    for (const slot of asked) if (coming.includes(slot)) void this.#engines.release(slot);
    await Promise.all(retired.filter((slot) => leaving.includes(slot)).map((slot) => this.#engines.keep(slot)));
  }
}

/** The engines that are there and may be asked to end. */
const there = ({ census: { live, staying } }: Engines): EngineId[] => [...live, ...staying];

/** How often a call asks for others, in place of those that left or failed meanwhile. */
const MAX_ROUNDS = 3;

const gaveWay = (n: number): AbortError =>
  new AbortError(`scale(${n}) gave way to a later change of the number of engines`);

const aborted = (n: number, signal: AbortSignal | undefined): AbortError =>
  new AbortError(`scale(${n}) was aborted`, { cause: signal?.reason });

/** The one with the least to do first; of equals the newest. */
function byLoad(loads: ReadonlyMap<EngineId, number>): (a: EngineId, b: EngineId) => number {
  const load = (slot: EngineId) => loads.get(slot) ?? Number.POSITIVE_INFINITY;
  return (a, b) => (load(a) === load(b) ? b - a : load(a) - load(b));
}
