import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import { MAX_ENGINES } from '../protocol/messages/roster.ts';
import type { EngineId } from '../protocol/messages.ts';
import type { EngineDown, RosterEvent } from '../rpc/roster-state.ts';
import { BoundedMap } from '../util/bounded.ts';

/** Incarnations that are remembered after their end. */
const REMEMBERED = 10_000;

/** A roster message has at most 4 MiB. */
const MAX_BYTES = 3.5 * 2 ** 20;

/** The details of an engine's death beside its reason. */
export type DeathDetails = Pick<EngineDown, 'fate' | 'replaced'>;

/** An engine that asks to be registered. */
export type Candidate = Omit<EngineRecord, 'id'>;

/** A registration that was accepted, and the events that it caused. */
export interface Admission {
  readonly id: EngineId;
  readonly events: readonly RosterEvent[];
}

/** A registration that was refused, and why. */
export interface Refusal {
  readonly refused: string;
}

/**
 * The engines of a cluster, without I/O: messages go in, ids and events come out. Ids grow and are never reused, except by
 * the replacement of an engine, which takes over its slot.
 */
export class Roster {
  #next: EngineId = 0;
  readonly #engines = new Map<EngineId, EngineRecord>();
  /** Incarnations that are over: one that comes back (after a partition, a SIGCONT) is refused. The latest ones. */
  readonly #over = new BoundedMap<string, string>(REMEMBERED);
  /** The proofs with which live incarnations registered. */
  readonly #proofs = new Map<string, string | undefined>();
  readonly #dead = new Set<EngineId>();
  /** Bytes of the records, and of each: all of them must fit into one message. */
  #bytes = 0;
  readonly #sizes = new Map<EngineId, number>();

  /** Sets the next `n` ids aside for engines about to be started. */
  reserve(n: number): EngineId[] {
    return Array.from({ length: n }, () => this.#next++);
  }

  /**
   * An engine that registers again (it lost its link) keeps its id and raises no event. It must show the same `proof`:
   * all engines know each other's uuids.
   */
  register(engine: Candidate, slot?: EngineId, proof?: string): Admission | Refusal {
    const over = this.#over.get(engine.uuid);
    if (over !== undefined) return { refused: over };
    const known = this.byUuid(engine.uuid);
    if (known !== undefined && this.#proofs.get(engine.uuid) !== proof)
      return { refused: 'another engine has its uuid' };
    if (known !== undefined) return { id: known.id, events: [] };
    const bytes = Buffer.byteLength(JSON.stringify(engine));
    if (this.#engines.size >= MAX_ENGINES || this.#bytes + bytes > MAX_BYTES)
      return { refused: `the roster is full (${this.#engines.size} engines, ${this.#bytes} bytes)` };
    const id = slot !== undefined && this.#isFree(slot) ? slot : this.#next++;
    const record = { ...engine, id };
    this.#bytes += bytes;
    this.#sizes.set(id, bytes);
    this.#dead.delete(id);
    this.#engines.set(id, record);
    this.#proofs.set(engine.uuid, proof);
    return { id, events: [{ type: 'engine-up', engine: record }] };
  }

  #isFree(slot: EngineId): boolean {
    return Number.isInteger(slot) && slot >= 0 && slot < this.#next && !this.#engines.has(slot);
  }

  /** The engine is gone: `reason` completes the sentence "engine 3 …". Returns no events if the engine was removed before. */
  down(id: EngineId, reason: string, end: DeathDetails = {}): readonly EngineDown[] {
    const engine = this.#engines.get(id);
    if (engine === undefined) return [];
    this.#engines.delete(id);
    this.#bytes -= this.#sizes.get(id) ?? 0;
    this.#sizes.delete(id);
    this.#over.set(engine.uuid, reason);
    this.#proofs.delete(engine.uuid);
    this.#dead.add(id);
    return [{ type: 'engine-down', id, uuid: engine.uuid, reason, ...end }];
  }

  /** True if this incarnation is on the roster and registered with that proof. */
  isProven(uuid: string, proof: string): boolean {
    return this.#proofs.get(uuid) === proof;
  }

  /** Nobody will restart that engine. */
  bury(id: EngineId): void {
    this.#dead.delete(id);
  }

  /** Ids of engines that are gone and were not buried, in the order of their ends. */
  get dead(): readonly EngineId[] {
    return [...this.#dead];
  }

  get(id: EngineId): EngineRecord | undefined {
    return this.#engines.get(id);
  }

  byUuid(uuid: string): EngineRecord | undefined {
    return this.engines.find((engine) => engine.uuid === uuid);
  }

  /** In order of their ids. */
  get engines(): readonly EngineRecord[] {
    return [...this.#engines.values()].sort((a, b) => a.id - b.id);
  }
}
