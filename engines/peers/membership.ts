import type { EngineRecord } from '../../src/protocol/messages/engine-record.ts';
import type { Departed, RosterOutbound } from '../../src/protocol/messages/roster.ts';
import type { EngineId } from '../../src/protocol/messages.ts';
import { RosterState } from '../../src/rpc/roster-state.ts';

/** Engines that are remembered after they left. */
const REMEMBERED = 1000;

/**
 * The engines of the cluster, now and as of older versions of the roster. The tasks of one call must agree on ranks,
 * although engines come and go while they run.
 */
export class Membership {
  readonly #state = new RosterState();
  /** Those that have left, by uuid, the oldest first. */
  readonly #left = new Map<string, Departed>();
  /** The versions of live engines, which the state forgets when they leave. */
  readonly #since = new Map<string, number>();
  /** The last answer of `at`, until the roster changes: tasks ask again and again. */
  #answer: { readonly version: number; readonly ids: readonly EngineId[] } | undefined;

  /** The roster version that is known. */
  get version(): number {
    return this.#state.version;
  }

  /** Takes a roster message; gives the ids of engines that have left. */
  fold(message: RosterOutbound): EngineId[] {
    const events = this.#state.fold(message);
    this.#answer = undefined;
    const gone: EngineId[] = [];
    for (const event of events) {
      if (event.type === 'engine-up') this.#came(event.engine.uuid);
      else {
        this.#went(event.id, event.uuid);
        gone.push(event.id);
      }
    }
    // After a gap the controller knows better when they left.
    if (message.type === 'roster') for (const departed of message.left ?? []) this.#remember(departed);
    return gone;
  }

  #came(uuid: string): void {
    this.#since.set(uuid, this.#state.since(uuid) ?? this.version);
  }

  #went(id: EngineId, uuid: string): void {
    this.#remember({ id, uuid, since: this.#since.get(uuid) ?? 0, until: this.version });
    this.#since.delete(uuid);
  }

  #remember(departed: Departed): void {
    this.#left.set(departed.uuid, departed);
    if (this.#left.size <= REMEMBERED) return;
    const [oldest] = this.#left.keys();
    this.#left.delete(oldest as string);
  }

  /** The ids of the engines as of a version, or now, in ascending order: by rank. Some may have left since. */
  at(version = Number.POSITIVE_INFINITY): readonly EngineId[] {
    if (this.#answer?.version !== version) this.#answer = { version, ids: this.#idsAt(version) };
    return this.#answer.ids;
  }

  #idsAt(version: number): EngineId[] {
    const ids: EngineId[] = [];
    for (const { id, uuid } of this.#state.engines) if ((this.#since.get(uuid) ?? 0) <= version) ids.push(id);
    for (const { id, since, until } of this.#left.values()) if (since <= version && version < until) ids.push(id);
    return ids.sort((a, b) => a - b);
  }

  /** The engine with this id, unless it has left since that version; a replacement that came later is another engine. */
  find(id: EngineId, version = Number.POSITIVE_INFINITY): EngineRecord | undefined {
    const record = this.#state.byId(id);
    return record !== undefined && (this.#since.get(record.uuid) ?? 0) <= version ? record : undefined;
  }
}
