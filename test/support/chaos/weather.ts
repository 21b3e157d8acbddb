// The treatment of the bytes of one direction of a proxy.

/** The treatment of bytes. Each value may change while they flow. */
export interface Weather {
  /** Milliseconds that each byte takes longer. */
  readonly delay: number;
  /** Milliseconds that a piece may take longer than that: drawn for each. Later pieces wait for it. */
  readonly jitter: number;
  /** The share of pieces that are lost: TCP sends them again, which takes RESEND_MS, and what follows waits for them. */
  readonly loss: number;
  /** Bytes a second at most. */
  readonly rate: number;
  /** Nothing passes and nobody is told: half of a connection is dead. The bytes that wait pass when this ends. */
  readonly isHeld: boolean;
  /** All connections are cut when so many more bytes have passed. Once. */
  readonly cutAfter: number;
  /** When so many more bytes have passed, the bits of one are turned. Once. */
  readonly corruptAfter: number;
}

/** Milliseconds until TCP sends a lost piece again. */
export const RESEND_MS = 200;

/** Nothing happens to the bytes. */
export const FAIR: Weather = {
  delay: 0,
  jitter: 0,
  loss: 0,
  rate: Number.POSITIVE_INFINITY,
  isHeld: false,
  cutAfter: Number.POSITIVE_INFINITY,
  corruptAfter: Number.POSITIVE_INFINITY,
};

/** The weather of one direction of a proxy, for all of its connections. */
export class Sky {
  #weather = FAIR;
  #passed = 0;
  #transit = 0;
  readonly #waiting = new Set<() => void>();

  get now(): Weather {
    return this.#weather;
  }

  /** Bytes that have passed, of all connections. */
  get passed(): number {
    return this.#passed;
  }

  /** Milliseconds that the bytes took on their way, all added up. */
  get transit(): number {
    return this.#transit;
  }

  set(change: Partial<Weather>): void {
    this.#weather = { ...this.#weather, ...change };
    this.#wake();
  }

  clear(): void {
    this.set(FAIR);
  }

  /** How many of `bytes` may pass before something happens to the connection, and what that is. */
  limit(bytes: number): { readonly bytes: number; readonly fault: 'cut' | 'corrupt' | undefined } {
    const { cutAfter, corruptAfter } = this.#weather;
    if (cutAfter <= bytes && cutAfter <= corruptAfter) return { bytes: cutAfter, fault: 'cut' };
    if (corruptAfter < bytes) return { bytes: corruptAfter + 1, fault: 'corrupt' };
    return { bytes, fault: undefined };
  }

  /** So many bytes have passed, which took so many milliseconds. */
  count(bytes: number, took: number): void {
    this.#passed += bytes;
    this.#transit += bytes * took;
    const { cutAfter, corruptAfter } = this.#weather;
    const left = (after: number) => (after <= bytes ? Number.POSITIVE_INFINITY : after - bytes);
    this.#weather = { ...this.#weather, cutAfter: left(cutAfter), corruptAfter: left(corruptAfter) };
    this.#wake();
  }

  /** Resolves when so many bytes have passed in all. */
  async until(bytes: number): Promise<void> {
    while (this.#passed < bytes) await this.change();
  }

  /** Resolves when bytes have passed or the weather has changed. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}
