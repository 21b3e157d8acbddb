import { ProtocolError } from '../errors.ts';
import type { DeviceReport, EngineRecord, EngineRow } from '../protocol/messages/engine-record.ts';
import type { Fate } from '../protocol/messages/fate.ts';
import type { RosterOutbound } from '../protocol/messages/roster.ts';
import type { EngineId } from '../protocol/messages.ts';

/** An engine left for good. */
export interface EngineDown {
  readonly type: 'engine-down';
  readonly id: EngineId;
  readonly uuid: string;
  /** Completes the sentence "engine 3 …". */
  readonly reason: string;
  /** Which tasks had started; absent if nobody knows. */
  readonly fate?: Fate | undefined;
  /** Another engine starts under the same id. */
  readonly replaced?: boolean | undefined;
}

/** An engine joined or left. */
export type RosterEvent = { readonly type: 'engine-up'; readonly engine: EngineRecord } | EngineDown;

type Roster = Extract<RosterOutbound, { type: 'roster' }>;

interface Live {
  readonly engine: EngineRecord;
  /** The roster version that brought it. */
  readonly since: number;
  /** The hash of its device report, if it has one. */
  readonly report: string | undefined;
}

/** Device reports that may be kept beyond those of live engines. */
const SPARE_REPORTS = 64;

/** The roster as a follower knows it from the controller's messages. No I/O: messages go in, events come out. */
export class RosterState {
  readonly #live = new Map<string, Live>();
  readonly #byId = new Map<EngineId, Live>();
  readonly #reports = new Map<string, DeviceReport>();
  /** Rows of a roster whose last page has not come. */
  #pages: EngineRow[] = [];
  #version = 0;
  #dead: readonly EngineId[] = [];

  /** The live engines, in the order in which this follower heard of them. */
  get engines(): readonly EngineRecord[] {
    return Array.from(this.#live.values(), ({ engine }) => engine);
  }

  /** The live engine with this id. */
  byId(id: EngineId): EngineRecord | undefined {
    return this.#byId.get(id)?.engine;
  }

  /** The roster version that brought a live engine. */
  since(uuid: string): number | undefined {
    return this.#live.get(uuid)?.since;
  }

  /** The roster version of the last message: it grows with each engine that joins or leaves. */
  get version(): number {
    return this.#version;
  }

  /** Ids of engines that had died before this follower came, and can be restarted. */
  get dead(): readonly EngineId[] {
    return this.#dead;
  }

  /**
   * Takes one message and returns what it changed; messages about other things change nothing, nor do pages before the
   * last one.
   * @throws ProtocolError for an engine whose device report never came
   */
  fold(message: RosterOutbound): RosterEvent[] {
    if (message.type === 'roster') return this.#page(message);
    if ('version' in message) this.#version = message.version ?? 0;
    if (message.type === 'engine-up') return this.#up(message.engine);
    if (message.type === 'engine-down') return this.#down(message.uuid, message.reason, message);
    if (message.type !== 'changes') return [];
    const events = message.changes.flatMap((change) =>
      change.type === 'engine-up' ? this.#up(change.engine) : this.#down(change.uuid, change.reason, change),
    );
    this.#forgetReports();
    return events;
  }

  #page({ engines, version, dead, page = 0, more }: Roster): RosterEvent[] {
    if (page === 0) {
      this.#pages = [];
      this.#dead = dead ?? [];
    }
    for (const row of engines) this.#pages.push(row);
    if (more === true) return [];
    const rows = this.#pages;
    this.#pages = [];
    if (version !== undefined) this.#version = version;
    return this.#reconcile(rows);
  }

  // A whole roster may come after a gap: what is not in it has left.
  #reconcile(engines: readonly EngineRow[]): RosterEvent[] {
    const uuids = new Set(engines.map((engine) => engine.uuid));
    const gone = [...this.#live.keys()].filter((uuid) => !uuids.has(uuid));
    const downs = gone.flatMap((uuid) => this.#down(uuid, 'no longer registered'));
    const events = [...downs, ...engines.flatMap((engine) => this.#up(engine))];
    this.#forgetReports();
    return events;
  }

  #up(row: EngineRow): RosterEvent[] {
    const { report, since = this.#version, ...engine } = row;
    if (report !== undefined && row.device !== undefined) this.#reports.set(report, row.device);
    if (this.#live.has(row.uuid)) return [];
    const old = this.#byId.get(row.id)?.engine;
    const downs = old === undefined ? [] : this.#down(old.uuid, 'replaced by a new engine');
    const live = { engine: this.#whole(engine, report), since, report };
    this.#live.set(row.uuid, live);
    this.#byId.set(row.id, live);
    return [...downs, { type: 'engine-up', engine: live.engine }];
  }

  // The object of its report is that of all engines with an equal one.
  #whole(engine: Omit<EngineRow, 'report' | 'since'>, report: string | undefined): EngineRecord {
    const device = report === undefined ? engine.device : this.#reports.get(report);
    if (report !== undefined && device === undefined)
      throw new ProtocolError(`the device report of engine ${engine.id} (${report}) was never sent`);
    // A roster without hashes has whole records.
    return { ...engine, device: device as DeviceReport };
  }

  #down(uuid: string, reason: string, { fate, replaced }: Pick<EngineDown, 'fate' | 'replaced'> = {}): RosterEvent[] {
    const engine = this.#live.get(uuid)?.engine;
    if (engine === undefined) return [];
    this.#live.delete(uuid);
    this.#byId.delete(engine.id);
    const more = { ...(fate && { fate }), ...(replaced && { replaced }) };
    return [{ type: 'engine-down', id: engine.id, uuid, reason, ...more }];
  }

  #forgetReports(): void {
    if (this.#reports.size <= this.#live.size + SPARE_REPORTS) return;
    const used = new Set(Array.from(this.#live.values(), ({ report }) => report));
    for (const report of this.#reports.keys()) if (!used.has(report)) this.#reports.delete(report);
  }
}
