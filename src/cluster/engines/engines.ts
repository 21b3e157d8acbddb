import { ClusterError } from '../../errors.ts';
import { MAX_ENGINES } from '../../protocol/messages/roster.ts';
import type { EngineId } from '../../protocol/messages.ts';
import type { Fleet } from '../agent/fleet.ts';
import { type ArrivalOptions, Arrivals } from '../arrivals.ts';
import type { Controller } from '../controller.ts';
import { endOfEngine } from '../launchers/end-of-engine.ts';
import type { EngineExit } from '../launchers/launcher.ts';
import { checkRestart } from '../launchers/process/spawned.ts';
import { SlotLocks } from '../launchers/slot-locks.ts';
import type { CheckedStart, ClusterEvent } from '../start-options.ts';
import { Replacements } from './replacements.ts';
import { Walltimes } from './walltimes.ts';

/** How many engines a start waits for, and how they are asked for. */
type Enough = Partial<Pick<ArrivalOptions, 'least' | 'isPrompt' | 'start'>>;

/** The ids of a cluster's engines by how they stand. */
export interface Census {
  readonly live: readonly EngineId[];
  /** They wait for their places, start, or are to be started again. */
  readonly coming: readonly EngineId[];
  /** They end when they have nothing to do. */
  readonly leaving: readonly EngineId[];
  /** They were to end, and have not yet said that they stay. */
  readonly staying: readonly EngineId[];
  /** They have died, and nobody starts them again. */
  readonly dead: readonly EngineId[];
}

/** An engine that was asked for. */
interface Coming {
  readonly release: AbortController;
  /** Rejects when it does not come. */
  readonly done: Promise<void>;
}

/** The part of a cluster that its engines belong to. */
export interface EnginesHost {
  readonly options: CheckedStart;
  readonly fleet: Fleet;
  /** The controller; undefined before it listens. */
  controller(): Controller | undefined;
  /** The controller, while the cluster runs. @throws ClusterError once it is stopped */
  live(): Controller;
  tell(event: ClusterEvent): void;
  /** Something failed that nobody waits for. */
  warn(error: Error): void;
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
  /** Engines that were asked for one by one and have not registered: each can be given up. */
  readonly #coming = new Map<EngineId, Coming>();
  /** Engines that end as soon as they have nothing to do, and why. */
  readonly #leaving = new Map<EngineId, string>();
  /** Engines that were to end, why, and that were asked to stay: they may have begun to end. */
  readonly #staying = new Map<EngineId, string>();
  readonly #replacements: Replacements;
  readonly #walltimes: Walltimes;
  readonly #listeners = new Set<() => void>();
  #isStopping = false;

  constructor(host: EnginesHost) {
    this.#host = host;
    this.#fleet = host.fleet;
    this.#replacements = new Replacements(host.options.restart, {
      start: (slot) => this.#locks.run([slot], () => this.#relaunch(slot)),
      gaveUp: (slot, error) => this.#gaveUp(slot, error),
    });
    this.#walltimes = new Walltimes({
      staying: (slots) => this.census.live.filter((slot) => slots.includes(slot)),
      grow: (n) => this.grow(n),
      retire: (slot, reason) => this.retire(slot, reason),
      failed: (slot, error) => this.#gaveUp(slot, error),
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
      await this.#undo(slots, 'was stopped: another engine started with it failed');
      throw error;
    }
  }

  /**
   * Asks for `n` more, each for itself: one that fails, or is given up, leaves the others. Each promise rejects with
   * ClusterError or AbortError.
   */
  grow(n: number): Map<EngineId, Promise<void>> {
    const slots = this.#host.live().reserve(n);
    let asked: Promise<void> | undefined;
    // One request for all of them: a scheduler makes one array of it.
    const start = () => {
      asked ??= this.#fleet.start(slots);
      return asked;
    };
    return new Map(slots.map((slot) => [slot, this.#begin(slot, (signal) => this.#come(slot, signal, start))]));
  }

  /** Starts one that has died again, under its id. @throws ClusterError; AbortError when it is given up */
  revive(slot: EngineId): Promise<void> {
    this.#replacements.forget(slot);
    const start = () => this.#fleet.start([slot]);
    // Somebody may have been faster.
    return this.#begin(slot, async (signal) => {
      if (!this.#fleet.isOpen(slot)) await this.#come(slot, signal, start);
    });
  }

  #begin(slot: EngineId, start: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const release = new AbortController();
    const come = this.#locks.run([slot], () => start(release.signal));
    const coming: Coming = { release, done: come };
    this.#coming.set(slot, coming);
    // Two steps: whoever waits for this one knows how it ended before listeners look.
    void come.catch(() => {}).then(() => this.#came(slot, coming));
    return come;
  }

  async #come(slot: EngineId, signal: AbortSignal, start: () => Promise<void>): Promise<void> {
    try {
      await this.#launch([slot], signal, { start });
      this.#slots.add(slot);
    } catch (error) {
      await this.#undo([slot], signal.aborted ? 'is not needed any more' : 'could not be started');
      throw error;
    }
  }

  #came(slot: EngineId, coming: Coming): void {
    if (this.#coming.get(slot) === coming) this.#coming.delete(slot);
    this.#changed();
  }

  /** Gives up one that has not come. */
  async release(slot: EngineId): Promise<void> {
    const coming = this.#coming.get(slot);
    this.#coming.delete(slot);
    coming?.release.abort();
    await coming?.done.catch(() => {}); // whoever asked for it is told
    if (!this.#slots.delete(slot)) return;
    await this.#end([slot], 'is not needed any more');
    this.#host.controller()?.bury(slot);
    this.#changed();
  }

  /** That one ends when it has nothing to do. `reason` completes the sentence "engine 3 …". */
  retire(slot: EngineId, reason: string): void {
    this.#leaving.set(slot, reason);
    this.#staying.delete(slot);
    this.#host.live().retire(slot);
    this.#host.tell({ type: 'engine-draining', id: slot });
  }

  /** One that was to end is to stay. Resolves when it has said so, or has ended: it may have begun to, for want of work. */
  async keep(slot: EngineId): Promise<void> {
    const reason = this.#leaving.get(slot);
    if (reason === undefined) return;
    this.#leaving.delete(slot);
    this.#staying.set(slot, reason);
    this.#changed();
    const stays = await this.#host.live().keep(slot);
    // It may be asked to end again meanwhile.
    if (!stays || !this.#staying.delete(slot)) return;
    this.#host.tell({ type: 'engine-draining', id: slot, over: true });
    this.#changed();
  }

  /** The places of these engines end at `until` (milliseconds since 1970): where engines that end are replaced, they are in time. */
  timed(slots: readonly EngineId[], until: number): void {
    if (this.#replacements.isOn) this.#walltimes.end(slots, until);
  }

  // Its process has ended: nobody restarts it, and its place is free.
  #left(slot: EngineId): void {
    this.#leaving.delete(slot);
    this.#staying.delete(slot);
    this.#slots.delete(slot);
    this.#host.controller()?.bury(slot);
    const free = () => this.#fleet.stop({ slots: [slot], grace: this.#host.options.grace });
    this.#locks.run([slot], free).catch((error: Error) => this.#host.warn(error));
  }

  /** How many can be there at once, where the launcher knows it; else as many as any cluster has. */
  get most(): number {
    return Math.min(MAX_ENGINES, this.#fleet.places ?? MAX_ENGINES);
  }

  /** How many are there or are to come; not those that end. */
  get count(): number {
    const { live, coming, staying } = this.census;
    return live.length + coming.length + staying.length;
  }

  /** How the engines stand. */
  get census(): Census {
    const there = new Set(this.#host.live().engines.map(({ id }) => id));
    const census = {
      live: [] as EngineId[],
      coming: [] as EngineId[],
      leaving: [] as EngineId[],
      staying: [] as EngineId[],
      dead: [] as EngineId[],
    };
    for (const slot of new Set([...this.#slots, ...this.#coming.keys()])) {
      if (this.#leaving.has(slot)) census.leaving.push(slot);
      else if (this.#staying.has(slot)) census.staying.push(slot);
      else if (there.has(slot)) census.live.push(slot);
      else if (this.#isComing(slot)) census.coming.push(slot);
      else census.dead.push(slot);
    }
    return census;
  }

  #isComing(slot: EngineId): boolean {
    return this.#coming.has(slot) || this.#fleet.isOpen(slot) || this.#replacements.isPending(slot);
  }

  /** Calls `listener` when engines come, leave, or are given up, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
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
        onLate: (its, text) => this.#giveUpLate(its, text),
        ...enough,
      });
    } finally {
      // Those that are still to come count as being started until they come.
      for (const slot of slots) if (!late.includes(slot)) this.#starting.delete(slot);
    }
  }

  // They hold places, and the start that asked for them has its engines.
  #giveUpLate(slots: readonly EngineId[], text: string): void {
    for (const slot of slots) {
      this.#starting.delete(slot);
      this.#gaveUp(slot, new ClusterError(text));
    }
    void this.#end(slots, 'did not register in time');
  }

  /**
   * Ends those and starts new ones under the same ids; default: all, also those that have died. Waits for a restart or
   * shutdown of the same engines that has begun before.
   * @throws ClusterError for an id that no engine of this cluster has had, or that was shut down; before anything ends, where
   * this process has too few descriptors for a start
   */
  async restart(ids: readonly EngineId[] | EngineId = [...this.#slots]): Promise<void> {
    this.#host.live();
    const wanted = this.#started(ids);
    await this.#locks.run(wanted, async () => {
      this.#host.live();
      const slots = this.#started(wanted);
      if (!this.#fleet.isRemote) checkRestart(slots, slots.filter((slot) => !this.#fleet.isOpen(slot)).length);
      for (const slot of slots) this.#replacements.forget(slot);
      for (const slot of slots) this.#leaving.delete(slot);
      for (const slot of slots) this.#staying.delete(slot);
      await this.#end(slots, 'was restarted', true);
      await this.#launch(slots).catch(async (error: Error) => {
        await this.#notRestarted(slots, error);
        throw error;
      });
    });
  }

  async #notRestarted(slots: readonly EngineId[], { message }: Error): Promise<void> {
    const there = new Set(this.#host.controller()?.engines.map(({ id }) => id));
    const missing = slots.filter((slot) => !there.has(slot));
    await this.#end(missing, 'could not be started', true);
    for (const slot of missing) this.#gaveUp(slot, new ClusterError(`was not restarted: ${message}`));
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
      this.#changed();
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

  // The failure of the start says more than that of its end.
  #undo(slots: readonly EngineId[], reason: string): Promise<void> {
    return this.#end(slots, reason).catch((error: Error) => this.#host.warn(error));
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
    this.#changed();
  }

  /** Engines have got their places. */
  running(slots: readonly EngineId[]): void {
    this.#arrivals.running(slots);
  }

  /** The controller takes none for this slot: `reason` completes the sentence "engine 3 was refused: …". */
  refused(slot: EngineId, reason: string): void {
    this.#arrivals.refused(slot, reason);
  }

  /** An engine was taken off the roster. Its host may be cut off: then nobody tells how it ends, and only another place helps. */
  lost(slot: EngineId): void {
    if (!this.#fleet.isOpen(slot) || this.#reasons.has(slot) || this.#isStopping) return;
    if (!this.#fleet.lost(slot)) return;
    if (this.#leaving.has(slot)) this.#left(slot);
    this.#staying.delete(slot);
    this.#changed();
    if (!this.#slots.has(slot)) return;
    const next = this.#replacements.after(slot, { isReplaced: false });
    if (next.wait !== undefined) this.#replacements.begin(slot, next.wait);
  }

  /** The process of an engine has ended. */
  exited(exit: EngineExit): void {
    const { slot } = exit.handle;
    this.#arrivals.exited(exit);
    if (this.#isStopping) return;
    const fate = exit.handle.fate();
    const end = endOfEngine(exit, fate);
    const leaving = this.#leaving.get(slot) ?? this.#staying.get(slot);
    const asked = this.#reasons.get(slot) ?? (exit.code === 0 ? leaving : undefined);
    const isDeath = asked === undefined && !this.#starting.has(slot) && !this.#leaving.has(slot);
    const next = isDeath ? this.#replacements.after(slot, end) : undefined;
    const reason = asked ?? `${end.reason}${next?.text ?? ''}`;
    this.#host.controller()?.down(slot, reason, { fate, replaced: next?.wait !== undefined });
    if (next?.wait !== undefined) this.#replacements.begin(slot, next.wait);
    else if (next?.text !== undefined) this.#gaveUp(slot, new ClusterError(`engine ${slot} ${reason}`));
    const hasLeft = this.#leaving.has(slot) || (this.#staying.delete(slot) && exit.code === 0);
    if (hasLeft) this.#left(slot);
    this.#changed();
  }

  // Somebody may have restarted it, or shut it down, meanwhile.
  async #relaunch(slot: EngineId): Promise<void> {
    const isWanted = this.#slots.has(slot) && !this.#fleet.isOpen(slot);
    if (!isWanted || this.#isStopping) return;
    try {
      await this.#launch([slot]);
    } catch (error) {
      await this.#undo([slot], 'could not be started');
      throw error;
    }
  }

  #gaveUp(slot: EngineId, error: Error): void {
    if (this.#isStopping) return;
    this.#host.controller()?.replacementFailed(slot, error.message);
    this.#host.tell({ type: 'replacement-failed', id: slot, error });
  }

  /** The cluster ends: nothing is started any more, and nothing waited for. */
  stop(): void {
    this.#isStopping = true;
    this.#replacements.stop();
    this.#walltimes.stop();
    this.#arrivals.cancel(new ClusterError('the cluster was stopped'));
  }
}
