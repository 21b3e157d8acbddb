import type { MimeBundle } from '../../../protocol/methods.ts';

/** A place to write text to; a Node stream is one. */
export interface TextSink {
  /** Writes the text as it stands. */
  write(text: string): unknown;
  /** Is it a terminal, on which a line can be rewritten? */
  readonly isTTY?: boolean | undefined;
  /** Characters per line of the terminal; default 80. */
  readonly columns?: number;
  /** Does it show colours? A terminal says no under NO_COLOR. */
  hasColors?(): boolean;
}

/** The two places that output goes to. */
export interface Sinks {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Shows pictures and pages as such; without it they are named on stdout. */
  readonly display?: ((bundle: MimeBundle) => void) | undefined;
}

/** The given sinks; the process's streams where there is none. */
export function sinksOf(given: {
  readonly stdout?: TextSink | undefined;
  readonly stderr?: TextSink | undefined;
  readonly display?: Sinks['display'];
}): Sinks {
  return { stdout: given.stdout ?? process.stdout, stderr: given.stderr ?? process.stderr, display: given.display };
}
