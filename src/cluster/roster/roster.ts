import type { EngineRecord } from '../../protocol/messages/engine-record.ts';
import { MAX_ENGINES } from '../../protocol/messages/roster.ts';
import type { EngineId } from '../../protocol/messages.ts';
import type { EngineDown, RosterEvent } from '../../rpc/roster-state.ts';
import { BoundedMap } from '../../util/bounded.ts';
import { DeviceReports } from './device-reports.ts';

/** Incarnations that are remembered after their end. */
const REMEMBERED = 10_000;

/** Bytes of all records: engines fill in their own. */
const MAX_BYTES = 64 * 2 ** 20;

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

interface Entry {
  readonly record: EngineRecord;
  /** The proof with which it registered. */
  readonly proof: string | undefined;
  /** The hash of its device report. */
  readonly report: string;
  /** Bytes of its record. */
  readonly bytes: number;
}

/**
 * The engines of a cluster, without I/O: messages go in, ids and events come out. Ids grow and are never reused, except by
 * the replacement of an engine, which takes over its slot.
 */
export class Roster {
  #next: EngineId = 0;
  readonly #byUuid = new Map<string, Entry>();
  readonly #byId = new Map<EngineId, Entry>();
  readonly #reports = new DeviceReports();
  /** Incarnations that are over: one that comes back (after a partition, a SIGCONT) is refused. The latest ones. */
  readonly #over = new BoundedMap<string, string>(REMEMBERED);
  readonly #dead = new Set<EngineId>();
  /** The engine of each card that is known; undefined: engines may share cards. */
  readonly #cards: Map<string, EngineId> | undefined;
  #bytes = 0;
  /** The live engines in the order of their ids, until one comes or goes. */
  #sorted: readonly EngineRecord[] | undefined;

  /** `sharesCards` false: no two engines may have the same card. */
  constructor({ sharesCards = true }: { readonly sharesCards?: boolean | undefined } = {}) {
    this.#cards = sharesCards ? undefined : new Map();
  }

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
    const known = this.#byUuid.get(engine.uuid);
    if (known !== undefined && known.proof !== proof) return { refused: 'another engine has its uuid' };
    if (known !== undefined) return { id: known.record.id, events: [] };
    const owner = this.#cards?.get(cardKey(engine));
    if (owner !== undefined)
      return {
        refused: `its card ${engine.card} on ${engine.host} is that of engine ${owner} (shareGpu: true, or --share-gpu, allows it)`,
      };
    const bytes = Buffer.byteLength(JSON.stringify(engine));
    if (this.#byUuid.size >= MAX_ENGINES || this.#bytes + bytes > MAX_BYTES)
      return { refused: `the roster is full (${this.#byUuid.size} engines, ${this.#bytes} bytes)` };
    const id = slot !== undefined && this.#isFree(slot) ? slot : this.#next++;
    const { hash: report, device } = this.#reports.take(engine.device);
    const record = { ...engine, device, id };
    this.#add({ record, proof, report, bytes });
    return { id, events: [{ type: 'engine-up', engine: record }] };
  }

  #add(entry: Entry): void {
    const { id, uuid } = entry.record;
    this.#dead.delete(id);
    this.#bytes += entry.bytes;
    this.#byUuid.set(uuid, entry);
    this.#byId.set(id, entry);
    if (entry.record.card !== undefined) this.#cards?.set(cardKey(entry.record), id);
    this.#sorted = undefined;
  }

  #isFree(slot: EngineId): boolean {
    return Number.isInteger(slot) && slot >= 0 && slot < this.#next && !this.#byId.has(slot);
  }

  /** The engine is gone: `reason` completes the sentence "engine 3 …". Returns no events if the engine was removed before. */
  down(id: EngineId, reason: string, end: DeathDetails = {}): readonly EngineDown[] {
    const entry = this.#byId.get(id);
    if (entry === undefined) return [];
    const { uuid } = entry.record;
    this.#byId.delete(id);
    this.#cards?.delete(cardKey(entry.record));
    this.#byUuid.delete(uuid);
    this.#bytes -= entry.bytes;
    this.#reports.release(entry.report);
    this.#sorted = undefined;
    this.#over.set(uuid, reason);
    this.#dead.add(id);
    return [{ type: 'engine-down', id, uuid, reason, ...end }];
  }

  /** True if this incarnation is on the roster and registered with that proof. */
  isProven(uuid: string, proof: string): boolean {
    return this.#byUuid.get(uuid)?.proof === proof;
  }

  /** The hash of the device report of a live engine. */
  reportOf(uuid: string): string | undefined {
    return this.#byUuid.get(uuid)?.report;
  }

  /** Nobody will restart that engine. */
  bury(id: EngineId): void {
    this.#dead.delete(id);
  }

  /** Ids of engines that are gone and were not buried, in the order of their ends. */
  get dead(): readonly EngineId[] {
    return [...this.#dead];
  }

  /** A live engine. */
  get(id: EngineId): EngineRecord | undefined {
    return this.#byId.get(id)?.record;
  }

  /** The live engine of this incarnation. */
  byUuid(uuid: string): EngineRecord | undefined {
    return this.#byUuid.get(uuid)?.record;
  }

  /** In order of their ids. The list is never changed. */
  get engines(): readonly EngineRecord[] {
    this.#sorted ??= [...this.#byId.values()].map(({ record }) => record).sort((a, b) => a.id - b.id);
    return this.#sorted;
  }
}

/** No engine has the key of an engine without a card. */
const cardKey = ({ host, card }: Pick<Candidate, 'host' | 'card'>): string =>
  card === undefined ? '' : `${host} ${card}`;
