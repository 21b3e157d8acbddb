import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { clearInterval, setInterval } from 'node:timers';

/** Connections that can be accepted after the last other descriptor is taken. */
const RESERVED = 8;
/** Milliseconds between two looks. */
const LOOK_MS = 250;

/** Is it the error of a process, or a system, that has no descriptor left? */
export function isOutOfDescriptors(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null | undefined)?.code;
  return code === 'EMFILE' || code === 'ENFILE';
}

/**
 * Descriptors that are kept for new connections. A process without a free one accepts a connection only to close it: nobody
 * new could interrupt it, or ask for its status. Whenever none is free, one of these is given up.
 */
export class ReservedDescriptors {
  readonly #held: number[] = [];
  readonly #onShort: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isShort = false;

  /** `onShort` is told when no descriptor is left, once for each time. */
  constructor(onShort: () => void = () => {}) {
    this.#onShort = onShort;
  }

  /** Takes the descriptors, and looks from now on; the timer does not keep the process. */
  watch(): void {
    for (let i = 0; i < RESERVED; i++) this.look();
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** Are all descriptors taken but reserved ones? */
  get isShort(): boolean {
    return this.#isShort;
  }

  /** Looks once: one descriptor is free afterwards, where there is any. */
  look(): void {
    const free = openDescriptor();
    if (free === undefined) {
      this.#short();
      return;
    }
    // Another one is free: it may be kept.
    const more = this.#held.length < RESERVED ? openDescriptor() : undefined;
    if (more !== undefined) this.#held.push(more);
    if (more !== undefined || this.#held.length === RESERVED) this.#isShort = false;
    closeSync(free);
  }

  #short(): void {
    const one = this.#held.pop();
    if (one !== undefined) closeSync(one);
    if (this.#isShort) return;
    this.#isShort = true;
    this.#onShort();
  }

  /** Gives all of them back. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    for (const descriptor of this.#held.splice(0)) closeSync(descriptor);
  }
}

/** A descriptor of nothing; undefined where none is free. */
export function openDescriptor(): number | undefined {
  try {
    return openSync(devNull, 'r');
  } catch {
    return undefined;
  }
}
