/** How long `recv` waits. */
export interface ReceiveOptions {
  /** Milliseconds; default 60 000. */
  readonly timeout?: number | undefined;
}
