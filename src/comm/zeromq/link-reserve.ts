import { closeSync } from 'node:fs';
import { clearInterval, setInterval } from 'node:timers';
import { openDescriptor } from '../../util/system/reserved-descriptors.ts';

/** Milliseconds between two tries to take again what was given. */
const FILL_MS = 1000;

/**
 * Descriptors that a thread keeps for a link that finds none: with it others can be told that there are none. They are given when
 * such a link is opened, and taken again when there are some.
 */
export class LinkReserve {
  readonly #size: number;
  readonly #held: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(size: number) {
    this.#size = size;
    this.#timer = setInterval(() => this.fill(), FILL_MS).unref();
    this.fill();
  }

  /** Takes what is free and missing here, but for one. */
  fill(): void {
    const before = this.#held.length;
    while (this.#held.length < this.#size) {
      const one = openDescriptor();
      if (one === undefined) {
        // The last one stays for whoever connects.
        if (this.#held.length > before) closeSync(this.#held.pop() as number);
        return;
      }
      this.#held.push(one);
    }
  }

  /** Gives all of them; false where there are none. */
  give(): boolean {
    const isHeld = this.#held.length > 0;
    for (const one of this.#held.splice(0)) closeSync(one);
    return isHeld;
  }

  /** Gives all of them, for good. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.give();
  }
}
