const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
type EndSignal = keyof typeof CODES;

/** The signals that end a command, as an AbortSignal: the first one fires it, the second one ends the process. */
export class EndSignals {
  readonly #abort = new AbortController();
  readonly #handlers = new Map<EndSignal, () => void>();
  #seen: EndSignal | undefined;

  constructor() {
    for (const name of Object.keys(CODES) as EndSignal[]) {
      const handler = () => this.#take(name);
      this.#handlers.set(name, handler);
      process.on(name, handler);
    }
  }

  #take(name: EndSignal): void {
    if (this.#seen !== undefined) process.exit(CODES[name]); // the exit handler ends engines that this process started
    this.#seen = name;
    this.#abort.abort(new Error(`${name} came`));
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The exit code that the signal asks for; undefined while none has come. */
  get code(): number | undefined {
    return this.#seen === undefined ? undefined : CODES[this.#seen];
  }

  /** Gives the signals back. */
  close(): void {
    for (const [name, handler] of this.#handlers) process.off(name, handler);
  }
}
