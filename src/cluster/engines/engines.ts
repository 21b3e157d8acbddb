import { ClusterError } from '../../errors.ts';
import { MAX_ENGINES } from '../../protocol/messages/roster.ts';
import type { EngineId } from '../../protocol/messages.ts';
import type { Fleet } from '../agent/fleet.ts';
import { type ArrivalOptions, Arrivals } from '../arrivals.ts';
import type { Controller } from '../controller.ts';
import { endOfEngine } from '../launchers/end-of-engine.ts';
import type { EngineExit } from '../launchers/launcher.ts';
import { SlotLocks } from '../launchers/slot-locks.ts';
import type { CheckedStart, ClusterEvent } from '../start-options.ts';
import { Replacements } from './replacements.ts';

/** How many engines a start waits for. */
type Enough = Pick<ArrivalOptions, 'least' | 'isPrompt'>;

/** The part of a cluster that its engines belong to. */
export interface EnginesHost {
  readonly options: CheckedStart;
  readonly fleet: Fleet;
  /** The controller; undefined before it listens. */
  controller(): Controller | undefined;
  /** The controller, while the cluster runs. @throws ClusterError once it is stopped */
  live(): Controller;
  tell(event: ClusterEvent): void;
}

/** The engines of a cluster by their ids: how they are started, ended, and replaced when they die. */
export class Engines {
  readonly #host: EnginesHost;
  readonly #fleet: Fleet;
  readonly #arrivals = new Arrivals();
  /** The reason for the end of an engine that we end ourselves; reported in place of its exit code. */
  readonly #reasons = new Map<EngineId, string>();
  /** The ids of engines that this cluster has started and not shut down, also of those that have died. */
  readonly #slots = new Set<EngineId>();
  /** Restarts, shutdowns and replacements of one engine never overlap. */
  readonly #locks = new SlotLocks();
  /** Engines whose process has been started and has not registered: their end is the failure of that start. */
  readonly #starting = new Set<EngineId>();
  readonly #replacements: Replacements;
  #isStopping = false;

  constructor(host: EnginesHost) {
    this.#host = host;
    this.#fleet = host.fleet;
    this.#replacements = new Replacements(host.options.restart, {
      start: (slot) => this.#locks.run([slot], () => this.#relaunch(slot)),
      gaveUp: (slot, error) => this.#gaveUp(slot, error),
    });
  }

  /** The engines to begin with: `min` of them are enough, and the others come when their places do. */
  async first(): Promise<void> {
    const { engines, min, gang, signal } = this.#host.options;
    const slots = this.#host.live().reserve(engines);
    const least = gang ? engines : (min ?? engines);
    await this.#locks.run(slots, () => this.#add(slots, signal, { least, isPrompt: gang || min !== undefined }));
  }

  /**
   * Starts `n` more and gives their ids when they have registered. If one fails, none of the `n` stays.
   * @throws RangeError beyond the limit; ClusterError with the output of the engine that failed; AbortError
   */
  async add(n: number, signal?: AbortSignal): Promise<EngineId[]> {
    const live = this.#host.live();
    // A peer may ask for any number, past the check of the client.
    const room = MAX_ENGINES - this.#slots.size;
    if (n > room)
      throw new RangeError(
        `a cluster has at most ${MAX_ENGINES} engines: there are ${this.#slots.size}, and ${n} more were asked for`,
      );
    const slots = live.reserve(n);
    await this.#locks.run(slots, () => this.#add(slots, signal));
    return slots;
  }

  async #add(slots: readonly EngineId[], signal: AbortSignal | undefined, enough: Enough = {}): Promise<void> {
    try {
      await this.#launch(slots, signal, enough);
      for (const slot of slots) this.#slots.add(slot);
    } catch (error) {
      await this.#end(slots, 'was stopped: another engine started with it failed');
      throw error;
    }
  }

  async #launch(slots: readonly EngineId[], signal?: AbortSignal, enough: Enough = {}): Promise<void> {
    for (const slot of slots) this.#starting.add(slot);
    let late: readonly EngineId[] = [];
    try {
      late = await this.#arrivals.of(slots, {
        start: () => this.#fleet.start(slots, signal),
        timeout: this.#host.options.startTimeout,
        signal,
        output: (slot) => this.#fleet.handle(slot)?.output() ?? '',
        ...enough,
      });
    } finally {
      // Those that are still to come count as being started until they come.
      for (const slot of slots) if (!late.includes(slot)) this.#starting.delete(slot);
    }
  }

  /**
   * Ends those and starts new ones under the same ids; default: all, also those that have died. Waits for a restart or
   * shutdown of the same engines that has begun before.
   * @throws ClusterError for an id that no engine of this cluster has had, or that was shut down
   */
  async restart(ids: readonly EngineId[] | EngineId = [...this.#slots]): Promise<void> {
    this.#host.live();
    const wanted = this.#started(ids);
    await this.#locks.run(wanted, async () => {
      this.#host.live();
      const slots = this.#started(wanted);
      for (const slot of slots) this.#replacements.forget(slot);
      await this.#end(slots, 'was restarted', true);
      await this.#launch(slots);
    });
  }

  /** Ends those for good. @throws ClusterError for an id without a running engine of this cluster */
  async shutdown(ids: readonly EngineId[] | EngineId): Promise<void> {
    this.#host.live();
    const wanted = [...new Set([ids].flat())];
    await this.#locks.run(wanted, async () => {
      const slots = this.owned(wanted);
      await this.#end(slots, 'was shut down');
      for (const slot of slots) {
        this.#slots.delete(slot);
        this.#host.controller()?.bury(slot);
      }
    });
  }

  #started(ids: readonly EngineId[] | EngineId): EngineId[] {
    const slots = [...new Set([ids].flat())];
    const strange = slots.find((slot) => !this.#slots.has(slot));
    if (strange === undefined) return slots;
    throw this.#strange(strange);
  }

  /** Those of the ids, checked. @throws ClusterError for an id without a running engine of this cluster */
  owned(ids: readonly EngineId[] | EngineId): EngineId[] {
    this.#host.live();
    const slots = [ids].flat();
    const strange = slots.find((slot) => this.#fleet.handle(slot) === undefined);
    if (strange === undefined) return slots;
    throw this.#strange(strange);
  }

  #strange(id: EngineId): ClusterError {
    const there = this.#host.live().engines.map((engine) => engine.id);
    return new ClusterError(`engine ${id} is not a running process of this cluster: it has ${there.join(', ')}`);
  }

  async #end(slots: readonly EngineId[], reason: string, keepsPlaces = false): Promise<void> {
    for (const slot of slots) {
      if (!this.#fleet.isOpen(slot)) continue;
      this.#reasons.set(slot, reason);
      this.#host.controller()?.down(slot, reason);
    }
    await this.#fleet.stop({ slots, grace: this.#host.options.grace, keepsPlaces });
    for (const slot of slots) this.#reasons.delete(slot);
  }

  /** An engine has registered. */
  up(id: EngineId): void {
    this.#starting.delete(id);
    this.#arrivals.up(id);
  }

  /** Engines have got their places. */
  running(slots: readonly EngineId[]): void {
    this.#arrivals.running(slots);
  }

  /** An engine was taken off the roster. Its host may be cut off: then nobody tells how it ends, and only another place helps. */
  lost(slot: EngineId): void {
    if (!this.#fleet.isOpen(slot) || this.#reasons.has(slot) || this.#isStopping) return;
    if (!this.#fleet.lost(slot)) return;
    const next = this.#replacements.after(slot, { isReplaced: false });
    if (next.wait !== undefined) this.#replacements.begin(slot, next.wait);
  }

  /** The process of an engine has ended. */
  exited(exit: EngineExit): void {
    const { slot } = exit.handle;
    this.#arrivals.exited(exit);
    if (this.#isStopping) return;
    const fate = exit.handle.fate();
    const asked = this.#reasons.get(slot);
    const end = endOfEngine(exit, fate);
    const isDeath = asked === undefined && !this.#starting.has(slot);
    const next = isDeath ? this.#replacements.after(slot, end) : undefined;
    const reason = asked ?? `${end.reason}${next?.text ?? ''}`;
    this.#host.controller()?.down(slot, reason, { fate, replaced: next?.wait !== undefined });
    if (next?.wait !== undefined) this.#replacements.begin(slot, next.wait);
    else if (next?.text !== undefined) this.#gaveUp(slot, new ClusterError(`engine ${slot} ${reason}`));
  }

  // Somebody may have restarted it, or shut it down, meanwhile.
  async #relaunch(slot: EngineId): Promise<void> {
    const isWanted = this.#slots.has(slot) && !this.#fleet.isOpen(slot);
    if (!isWanted || this.#isStopping) return;
    try {
      await this.#launch([slot]);
    } catch (error) {
      await this.#end([slot], 'could not be started');
      throw error;
    }
  }

  #gaveUp(slot: EngineId, error: Error): void {
    this.#host.controller()?.replacementFailed(slot, error.message);
    this.#host.tell({ type: 'replacement-failed', id: slot, error });
  }

  /** The cluster ends: nothing is started any more, and nothing waited for. */
  stop(): void {
    this.#isStopping = true;
    this.#replacements.stop();
    this.#arrivals.cancel(new ClusterError('the cluster was stopped'));
  }
}
