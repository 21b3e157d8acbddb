import { EngineError, type EngineInfo, type RemoteError, TaskInterrupted, TaskTimeout } from '../../errors.ts';
import type { Fate } from '../../protocol/messages/fate.ts';
import type { EngineId, TaskId } from '../../protocol/messages.ts';

/** The end of an engine, or of this client's links to it. */
export interface Death {
  readonly id: EngineId;
  /** Completes the sentence "engine 3 …". */
  readonly reason: string;
  /** Which tasks had started; absent: nobody knows. */
  readonly fate?: Fate | undefined;
  /** It was to end when it had nothing to do: it has sent all replies before its end, and they may be on their way. */
  readonly isRetired?: boolean | undefined;
  /** Where another engine takes its place: resolves with the end of the sentence "engine 3 …" when that is settled. */
  readonly replacement?: Promise<string> | undefined;
}

/**
 * How far a task had come on an engine that died: it had not started, it ran, it had ended but its reply was lost, or
 * nobody knows.
 */
export type TaskProgress = 'unstarted' | 'running' | 'ended' | 'unknown';

/** A task that waited for a reply of an engine that died. */
export interface Bereft {
  readonly id: TaskId;
  readonly info: EngineInfo;
  readonly runTimeout: number | undefined;
}

/**
 * The progress of the tasks of one client, given in the order of sending. The engine runs them in that order, so that all
 * before one that had started had started, too.
 */
export function progressOf(ids: readonly TaskId[], fate: Fate | undefined): TaskProgress[] {
  if (fate === undefined) return ids.map(() => 'unknown');
  const started = new Set(fate.started);
  const last = ids.findLastIndex((id) => started.has(id));
  const running = fate.started.at(-1);
  return ids.map((id, index) => (index > last ? 'unstarted' : id === running ? 'running' : 'ended'));
}

/** The error of a task whose engine died. */
export function deathError(id: TaskId, progress: TaskProgress, death: Death): EngineError {
  const { id: engine, reason } = death;
  const what = {
    unstarted: `before this task started: '${id}'`,
    running: `while running task '${id}'`,
    ended: `before the result of task '${id}' had left it`,
    unknown: `before task '${id}' ended`,
  }[progress];
  return new EngineError(`Engine ${engine} died ${what} (${reason})`);
}

/** The error of a task that could be ended only with its engine. `replaced` ends the sentence "engine 3 …". */
export function stoppedError({ id, info, runTimeout }: Bereft, fate: Fate, replaced: string): RemoteError {
  const where = `task '${id}' on engine ${info.engineId}`;
  const rest = `; engine ${info.engineId} ${replaced}`;
  if (fate.stopped === 'timeout')
    return new TaskTimeout(`${where} ran longer than ${runTimeout} ms and was ended${rest}`);
  return new TaskInterrupted(`${where} was interrupted${rest}`, info);
}
