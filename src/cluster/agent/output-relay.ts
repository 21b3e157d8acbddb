import type { EngineId } from '../../protocol/messages.ts';

/** Milliseconds that text waits for more. */
const FLUSH_MS = 200;
/** Characters of one engine that travel at a time: one that prints without end must not fill the link. */
const MAX_TEXT = 65_536;

/** Sends what engines print to their controller, a few times a second: a long text loses its beginning. */
export class OutputRelay {
  readonly #send: (slot: EngineId, text: string) => void;
  readonly #texts = new Map<EngineId, string>();
  readonly #cut = new Set<EngineId>();
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (slot: EngineId, text: string) => void) {
    this.#send = send;
  }

  write(slot: EngineId, text: string): void {
    const all = (this.#texts.get(slot) ?? '') + text;
    if (all.length > MAX_TEXT) this.#cut.add(slot);
    this.#texts.set(slot, all.slice(-MAX_TEXT));
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_MS);
  }

  /** Sends what is there now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [slot, text] of this.#texts) this.#send(slot, this.#cut.has(slot) ? `…${text}` : text);
    this.#texts.clear();
    this.#cut.clear();
  }
}
