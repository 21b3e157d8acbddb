/** The ranks that take part, and how long they wait. */
export interface CollectiveOptions {
  /** Cluster ranks that take part, in the order that counts here; default: all. */
  readonly ranks?: readonly number[] | undefined;
  /** Milliseconds that this engine waits for each message; default 60 000. */
  readonly timeout?: number | undefined;
  /** Joins tasks of different calls; by default a collective is one of the tasks of one call on a view. */
  readonly tag?: string | undefined;
}

/** The options of a collective with a root. */
export interface RootedOptions extends CollectiveOptions {
  /** Place among `ranks`; default 0. */
  readonly root?: number | undefined;
}
