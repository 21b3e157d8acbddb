// An error on the wire: plain fields, bounded, with its causes. Beside the classes of errors.ts.
import { ProtocolError } from '../../errors.ts';
import { object, optional, type Reader, text } from '../fields.ts';

/** An error as it travels in a header. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  /** At most 10 000 characters. */
  readonly stack: string;
  readonly code?: string | undefined;
  readonly cause?: WireError | undefined;
}

const MAX_STACK = 10_000;
/** Causes that are sent, and causes that are accepted. */
const MAX_CAUSES = 8;
const MAX_CAUSES_READ = 16;

/** Reads an error; at most 16 causes. The type stands above because it contains itself. */
export const wireError: Reader<WireError> = (value, where) => {
  if (where.split('.cause').length > MAX_CAUSES_READ + 1) {
    throw new ProtocolError(`${where}: over ${MAX_CAUSES_READ} causes`);
  }
  return errorFields(value, where);
};

const errorFields: Reader<WireError> = object({
  name: text,
  message: text,
  stack: text,
  code: optional(text),
  cause: optional(wireError),
});

/** Never throws, whatever was thrown: getters of hostile errors are guarded. */
export function toWireError(thrown: unknown, depth = 0): WireError {
  try {
    return thrown instanceof Error || isErrorLike(thrown) ? fromError(thrown, depth) : fromThrown(thrown);
  } catch {
    return { name: 'Error', message: 'an error that cannot be read was thrown', stack: '' };
  }
}

interface ErrorLike {
  name: string;
  message: string;
  stack?: string;
  code?: unknown;
  cause?: unknown;
}

function isErrorLike(value: unknown): value is ErrorLike {
  return typeof value === 'object' && value !== null && 'message' in value && 'name' in value;
}

function fromError(error: ErrorLike, depth: number): WireError {
  const { name, message, code, cause } = error;
  return {
    name: String(name),
    message: String(message),
    stack: String(error.stack ?? '').slice(0, MAX_STACK),
    ...(typeof code === 'string' ? { code } : {}),
    ...(cause !== undefined && depth < MAX_CAUSES ? { cause: toWireError(cause, depth + 1) } : {}),
  };
}

function fromThrown(thrown: unknown): WireError {
  return { name: 'Error', message: `thrown: ${String(thrown)}`, stack: '' };
}

/** A local Error with the remote name, message, stack and causes. */
export function fromWireError(wire: WireError): Error {
  const error = new Error(wire.message, wire.cause ? { cause: fromWireError(wire.cause) } : undefined);
  error.name = wire.name;
  error.stack = wire.stack;
  if (wire.code !== undefined) Object.assign(error, { code: wire.code });
  return error;
}
