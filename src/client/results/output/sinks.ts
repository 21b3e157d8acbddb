// Where output goes: two streams, the process's own unless given.

/** What text is written to; a Node stream is one. */
export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface Sinks {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
}

/** The given sinks; the process's streams where there is none. */
export function sinksOf(given: {
  readonly stdout?: TextSink | undefined;
  readonly stderr?: TextSink | undefined;
}): Sinks {
  return { stdout: given.stdout ?? process.stdout, stderr: given.stderr ?? process.stderr };
}
