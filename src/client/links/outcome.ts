import {
  type EngineInfo,
  RemoteError,
  TaskAborted,
  TaskInterrupted,
  TaskTimeout,
  UnmetDependency,
} from '../../errors.ts';
import { thrownValue, type WireError } from '../../protocol/values/wire-error.ts';

/** The end of one task, or of one item of a map. No rejected promise: a failure that nobody awaits must not crash. */
export type Outcome<T = unknown> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: RemoteError };

/** The outcome of a success. */
export function success<T>(value: T): Outcome<T> {
  return { ok: true, value };
}

/** The outcome of a failure. */
export function failed(error: RemoteError): Outcome<never> {
  return { ok: false, error };
}

/** The client's error for what an engine reported. */
export function remoteError(wire: WireError, info: EngineInfo): RemoteError {
  if (wire.name === 'TaskAborted') return new TaskAborted(wire.message, info);
  if (wire.name === 'TaskInterrupted') return new TaskInterrupted(wire.message, info);
  if (wire.name === 'TaskTimeout') return new TaskTimeout(wire.message);
  if (wire.name === 'UnmetDependency') return new UnmetDependency(wire.message);
  const { name: ename, message: evalue, stack: traceback } = wire;
  return new RemoteError({ ename, evalue, traceback, engineInfo: info, cause: thrownValue(wire) });
}

/** The failure of a task that this client could not send: its `ename` is the name of the error that was thrown here. */
export function asRemoteError(error: unknown): RemoteError {
  if (error instanceof RemoteError) return error;
  const { name: ename, message: evalue, stack: traceback = '' } = error as Error;
  return new RemoteError({ ename, evalue, traceback, cause: error });
}
