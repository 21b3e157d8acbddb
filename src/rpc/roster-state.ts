import type { EngineRecord } from '../protocol/messages/engine-record.ts';
import type { Fate, RosterOutbound } from '../protocol/messages/roster.ts';
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

/** The roster as a follower knows it from the controller's messages. No I/O: messages go in, events come out. */
export class RosterState {
  readonly #engines = new Map<string, EngineRecord>();
  #version = 0;
  #dead: readonly EngineId[] = [];

  /** The live engines, in the order in which this follower heard of them. */
  get engines(): readonly EngineRecord[] {
    return [...this.#engines.values()];
  }

  /** The roster version of the last message: it grows with each engine that joins or leaves. */
  get version(): number {
    return this.#version;
  }

  /** Ids of engines that had died before this follower came, and can be restarted. */
  get dead(): readonly EngineId[] {
    return this.#dead;
  }

  /** Takes one message and returns what it changed; messages about other things change nothing. */
  fold(message: RosterOutbound): RosterEvent[] {
    if ('version' in message) this.#version = message.version ?? 0;
    if (message.type === 'roster') {
      this.#dead = message.dead ?? [];
      return this.#reconcile(message.engines);
    }
    if (message.type === 'engine-up') return this.#up(message.engine);
    if (message.type === 'engine-down') return this.#down(message.uuid, message.reason, message);
    return [];
  }

  // A whole roster may come after a gap: what is not in it has left.
  #reconcile(engines: readonly EngineRecord[]): RosterEvent[] {
    const uuids = new Set(engines.map((engine) => engine.uuid));
    const gone = [...this.#engines.keys()].filter((uuid) => !uuids.has(uuid));
    const downs = gone.flatMap((uuid) => this.#down(uuid, 'no longer registered'));
    return [...downs, ...engines.flatMap((engine) => this.#up(engine))];
  }

  #up(engine: EngineRecord): RosterEvent[] {
    if (this.#engines.has(engine.uuid)) return [];
    const old = this.engines.find(({ id }) => id === engine.id);
    const downs = old === undefined ? [] : this.#down(old.uuid, 'replaced by a new engine');
    this.#engines.set(engine.uuid, engine);
    return [...downs, { type: 'engine-up', engine }];
  }

  #down(uuid: string, reason: string, { fate, replaced }: Pick<EngineDown, 'fate' | 'replaced'> = {}): RosterEvent[] {
    const engine = this.#engines.get(uuid);
    if (engine === undefined) return [];
    this.#engines.delete(uuid);
    const more = { ...(fate && { fate }), ...(replaced && { replaced }) };
    return [{ type: 'engine-down', id: engine.id, uuid, reason, ...more }];
  }
}
