/** The last text that a process wrote, in bounded memory, for error messages. */
export class OutputTail {
  readonly #limit: number;
  #text = '';

  /** Keeps the last `limit` characters. */
  constructor(limit = 16_384) {
    this.#limit = limit;
  }

  write(chunk: string): void {
    this.#text = (this.#text + chunk).slice(-this.#limit);
  }

  /** The last `count` lines, without the break at the end. */
  lines(count = 20): string {
    return this.#text.trimEnd().split('\n').slice(-count).join('\n');
  }
}
