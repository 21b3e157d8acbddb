/** One fault that the library must survive, and how it is injected for real. */
export interface FaultRow {
  readonly number: number;
  /** The fault, and how it is made. */
  readonly fault: string;
  /** The outcome that must be seen; a failed assertion says otherwise. */
  readonly expected: string;
  /** Why this row cannot be staged here; undefined where it can. */
  readonly skip?: string | undefined;
  /** Injects the fault and asserts the outcome. */
  readonly run: () => Promise<Seen>;
}

/** The outcome of a row. */
export interface Seen {
  /** Milliseconds from the fault to the moment that the program was told; absent where nothing is to be told. */
  readonly detected?: number | undefined;
  /** A figure worth a place in the report. */
  readonly note?: string | undefined;
}
