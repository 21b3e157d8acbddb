import type { Parts } from '../../comm/transport.ts';
import { encodeMessage } from '../../protocol/header-codec.ts';
import type { EngineRecord, EngineRow } from '../../protocol/messages/engine-record.ts';
import type { Departed, RosterOutbound } from '../../protocol/messages/roster.ts';
import type { Channel } from '../../rpc/channel.ts';
import type { EngineDown, RosterEvent } from '../../rpc/roster-state.ts';
import type { Roster } from './roster.ts';

/** Milliseconds between two messages about changes: those that come meanwhile share the next one. */
const GATHER_MS = 20;
/** Characters of a page of the roster, or of a message of changes; one row may have 64 KiB more. */
const PAGE_CHARS = 512 * 1024;
const NO_BODY: readonly never[] = [];
/** Engines that are remembered after they left, for tasks of clients that have seen them. */
const REMEMBERED = 1000;

/** Bytes that may wait for a party that does not read: beyond, it is told only which engines come and go. */
const MAX_UNREAD = 2 ** 24;

/** An engine or a client, seen from the controller. */
export type Party = Channel<RosterOutbound>;

/** Sends, but not to a party that asks and does not read: its answers would grow for ever. */
export function answer(party: Party, message: RosterOutbound, parts?: Parts): void {
  if (isReading(party)) void party.send(message, NO_BODY, parts);
}

function isReading(party: Party): boolean {
  return party.pendingBytes <= MAX_UNREAD;
}

/** Clients are told who can be restarted, engines who has left. */
export type FollowerKind = 'client' | 'engine';

type Change = Extract<RosterOutbound, { type: 'changes' }>['changes'][number];

/** A message, encoded once for all who get it. */
interface Encoded {
  readonly message: RosterOutbound;
  readonly parts: Parts;
}

/** The version and the report of a live engine, as followers were told. */
interface Told {
  /** The version that brought it. */
  readonly since: number;
  /** The hash of its device report. */
  readonly report: string;
}

/**
 * Everybody who follows the roster, and the messages that tell them. A follower gets all engines in pages, then changes: the
 * first at once, those of the next 20 ms together. Equal device reports are sent once, and named by their hash after that.
 * All followers get the same changes in the same messages, so that all know the same versions.
 */
export class Followers {
  readonly #roster: Roster;
  readonly #parties = new Map<Party, FollowerKind>();
  /** Grows with each engine that comes or goes. */
  #version = 0;
  readonly #told = new Map<string, Told>();
  readonly #left: Departed[] = [];
  #waiting: Change[] = [];
  #waitingChars = 0;
  #flushedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  /** How many engines have a device report, as far as the followers know: they keep those of live engines. */
  readonly #reports = new Map<string, number>();
  /** Reports of engines that left since the last message of changes: the followers keep them until then. */
  #released: string[] = [];
  /** The pages for newcomers of each kind, until the roster changes. */
  readonly #pages = new Map<FollowerKind, readonly Encoded[]>();

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  /** From now on it follows: it is told all engines, then each change. */
  add(party: Party, kind: FollowerKind): void {
    this.#flush();
    this.#parties.set(party, kind);
    if (!isReading(party)) return;
    for (const { message, parts } of this.#pagesFor(kind)) void party.send(message, NO_BODY, parts);
  }

  /** It follows no more. */
  delete(party: Party): void {
    this.#parties.delete(party);
  }

  /** True if it follows. */
  has(party: Party): boolean {
    return this.#parties.has(party);
  }

  /** An engine came or went: all of them are told, at once or soon. */
  publish(event: RosterEvent): void {
    this.#version++;
    this.#pages.clear();
    const change = event.type === 'engine-up' ? this.#came(event.engine) : this.#went(event);
    this.#waiting.push(change);
    this.#waitingChars += charsOf(change);
    if (this.#waitingChars > PAGE_CHARS || performance.now() - this.#flushedAt >= GATHER_MS) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS).unref();
  }

  #came(engine: EngineRecord): Change {
    const report = this.#roster.reportOf(engine.uuid) as string;
    this.#told.set(engine.uuid, { since: this.#version, report });
    const engines = this.#reports.get(report);
    this.#reports.set(report, (engines ?? 0) + 1);
    const device = engines === undefined ? engine.device : undefined;
    return { type: 'engine-up', engine: { ...engine, device, report } };
  }

  #went(event: EngineDown): Change {
    const { id, uuid } = event;
    const { since, report } = this.#told.get(uuid) as Told;
    this.#told.delete(uuid);
    this.#released.push(report);
    this.#left.push({ id, uuid, since, until: this.#version });
    if (this.#left.length > REMEMBERED) this.#left.shift();
    return event;
  }

  /** Tells all of them, after what they have not been told yet. */
  tell(message: RosterOutbound): void {
    this.#flush();
    if (this.#parties.size === 0) return;
    const parts = encodeMessage(message);
    for (const party of this.#parties.keys()) answer(party, message, parts);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const changes = this.#waiting;
    if (changes.length === 0) return;
    this.#waiting = [];
    this.#waitingChars = 0;
    this.#flushedAt = performance.now();
    this.#release();
    const [first] = changes as [Change];
    const version = this.#version;
    this.#send(changes.length === 1 ? { ...first, version } : { type: 'changes', changes, version });
  }

  #release(): void {
    for (const report of this.#released) {
      const engines = (this.#reports.get(report) as number) - 1;
      if (engines === 0) this.#reports.delete(report);
      else this.#reports.set(report, engines);
    }
    this.#released = [];
  }

  #send(message: RosterOutbound): void {
    if (this.#parties.size === 0) return;
    const parts = encodeMessage(message);
    for (const party of this.#parties.keys()) void party.send(message, NO_BODY, parts);
  }

  #pagesFor(kind: FollowerKind): readonly Encoded[] {
    const known = this.#pages.get(kind);
    if (known !== undefined) return known;
    const pages = this.#messages(kind).map((message) => ({ message, parts: encodeMessage(message) }));
    this.#pages.set(kind, pages);
    return pages;
  }

  #messages(kind: FollowerKind): RosterOutbound[] {
    const pages = this.#rows();
    const version = this.#version;
    const dead = this.#roster.dead.length > 0 ? this.#roster.dead : undefined;
    const left = kind === 'engine' && this.#left.length > 0 ? this.#left : undefined;
    return pages.map((engines, page) => {
      const more = page < pages.length - 1 ? true : undefined;
      if (page > 0) return { type: 'roster', engines, version, page, more };
      return { type: 'roster', engines, version, dead, left, more };
    });
  }

  /** The rows of each page; at least one page. */
  #rows(): EngineRow[][] {
    const pages: EngineRow[][] = [[]];
    const reports = new Set<string>();
    let chars = 0;
    for (const { device, ...engine } of this.#roster.engines) {
      const { since, report } = this.#told.get(engine.uuid) as Told;
      const row = { ...engine, device: reports.has(report) ? undefined : device, report, since };
      reports.add(report);
      chars += charsOf(row);
      if (chars > PAGE_CHARS) {
        pages.push([]);
        chars = 0;
      }
      pages.at(-1)?.push(row);
    }
    return pages;
  }

  /** Tells nothing more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#parties.clear();
  }
}

function charsOf(value: object): number {
  return JSON.stringify(value).length;
}
