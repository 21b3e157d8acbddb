// The last bytes that a process wrote, in bounded memory: shown when it fails.
export class OutputTail {
  readonly #limit: number;
  #text = '';

  /** `limit`: characters kept. */
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
