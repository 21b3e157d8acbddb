import { hostname } from 'node:os';
import type { RosterInbound } from '../../protocol/messages/roster.ts';
import { isAlive } from '../../util/system/process-alive.ts';

/** The name of a client, and its process where it told it. */
export type ClientIdentity = Omit<Extract<RosterInbound, { type: 'hello' }>, 'type'>;

/** How to judge, and who is told. */
export interface ClientWatchOptions {
  /** This client is dead. */
  readonly onGone: (client: string) => void;
  readonly isAlive?: ((pid: number) => boolean) | undefined;
  /** Milliseconds between two looks at a client whose link broke; default 500. */
  readonly interval?: number | undefined;
  /** Milliseconds in which a client on another host must come back; default 60 000. */
  readonly lease?: number | undefined;
}

interface Suspect {
  readonly identity: ClientIdentity;
  readonly since: number;
}

const INTERVAL_MS = 500;
const LEASE_MS = 60_000;
/** Clients whose links broke and that may come back: of more the oldest is given up. */
const MAX_SUSPECTS = 4096;

/**
 * Watches clients whose link broke without a goodbye. One whose process lives on this host is never given up: it may be
 * stopped by a debugger or a terminal. One on another host is given up when it has not come back within a lease.
 */
export class ClientWatch {
  readonly #options: ClientWatchOptions;
  readonly #suspects = new Map<string, Suspect>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ClientWatchOptions) {
    this.#options = options;
  }

  /** The client is there (again). */
  up({ client }: ClientIdentity): void {
    this.#suspects.delete(client);
  }

  /** Its link broke. */
  lost(identity: ClientIdentity): void {
    this.#suspects.delete(identity.client);
    const suspect = { identity, since: performance.now() };
    this.#suspects.set(identity.client, suspect);
    const [oldest] = this.#suspects.keys();
    if (this.#suspects.size > MAX_SUSPECTS && oldest !== undefined) this.#gone(oldest);
    if (this.#isDead(suspect)) this.#gone(identity.client);
    this.#lookSoon();
  }

  #look(): void {
    for (const suspect of [...this.#suspects.values()]) if (this.#isDead(suspect)) this.#gone(suspect.identity.client);
    this.#timer = undefined;
    this.#lookSoon();
  }

  #lookSoon(): void {
    if (this.#suspects.size === 0) return;
    this.#timer ??= setTimeout(() => this.#look(), this.#options.interval ?? INTERVAL_MS).unref();
  }

  #isDead({ identity: { pid, host }, since }: Suspect): boolean {
    const { isAlive: lives = isAlive, lease = LEASE_MS } = this.#options;
    if (pid !== undefined && host === hostname()) return !lives(pid);
    return performance.now() - since > lease;
  }

  #gone(client: string): void {
    this.#suspects.delete(client);
    this.#options.onGone(client);
  }

  /** Looks no more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#suspects.clear();
  }
}
