// The options that every call takes. Durations are milliseconds.

export interface CallOptions {
  /** Ends the wait with AbortError and drops the call's tasks that have not started. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait before the wait rejects with TimeoutError; the task itself goes on. */
  readonly timeout?: number | undefined;
  /** Milliseconds each task may run on its engine before it is interrupted (TaskTimeout). */
  readonly runTimeout?: number | undefined;
  /** A name for errors and metadata in place of the method's. */
  readonly label?: string | undefined;
  /** How a large value for several engines travels: to each from here (default), or once and on from engine to engine. */
  readonly via?: 'direct' | 'broadcast' | undefined;
}

/** Names of the options that every call takes. */
export const CALL_OPTIONS: readonly string[] = ['signal', 'timeout', 'runTimeout', 'label', 'via'];

/**
 * @throws TypeError naming an option that no call takes, or one of the wrong kind: misspelt options must not be silent
 */
export function checkOptions<T extends CallOptions>(options: T, ...more: readonly string[]): T {
  const known = [...CALL_OPTIONS, ...more];
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) throw new TypeError(`unknown option '${key}': one of ${known.join(', ')}`);
  }
  for (const key of ['timeout', 'runTimeout'] as const) {
    const value = options[key];
    if (value !== undefined && !(value >= 0)) throw new TypeError(`${key} is milliseconds ≥ 0, not ${String(value)}`);
  }
  if (options.via !== undefined && options.via !== 'direct' && options.via !== 'broadcast') {
    throw new TypeError(`via is 'direct' or 'broadcast', not ${String(options.via)}`);
  }
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    throw new TypeError('signal is an AbortSignal');
  }
  return options;
}
