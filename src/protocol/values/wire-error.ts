import { ProtocolError } from '../../errors.ts';
import { fittingStart } from '../../util/json-length.ts';
import { object, optional, type Reader, text } from '../fields.ts';

/**
 * An error as it travels in a header. Every text of it is bounded in bytes of JSON, so that the header stays under its
 * limit: message and stack 64 KiB each (of a cause 16 KiB), name and code 1 KiB.
 */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: string | undefined;
  readonly cause?: WireError | undefined;
}

const KIB = 1024;
const NAME_BYTES = KIB;
const TEXT_BYTES = 64 * KIB;
/** Bytes of the message, and of the stack, of a cause: 16 causes take less than 1 MiB. */
const CAUSE_TEXT_BYTES = 16 * KIB;
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

/** The error of whatever was thrown, cut to the limits of WireError. Never throws: getters of hostile errors are guarded. */
export function toWireError(thrown: unknown, depth = 0): WireError {
  try {
    return thrown instanceof Error || isErrorLike(thrown) ? fromError(thrown, depth) : fromThrown(thrown, depth);
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
  const { name, code, cause } = error;
  const message = String(error.message);
  return {
    name: cutName(String(name)),
    message: cutText(message, textBytes(depth)),
    stack: cutStack(String(error.stack ?? ''), message, textBytes(depth)),
    code: typeof code === 'string' ? cutName(code) : undefined,
    cause: cause !== undefined && depth < MAX_CAUSES ? toWireError(cause, depth + 1) : undefined,
  };
}

function fromThrown(thrown: unknown, depth: number): WireError {
  return { name: 'Error', message: cutText(`thrown: ${String(thrown)}`, textBytes(depth)), stack: '' };
}

function textBytes(depth: number): number {
  return depth === 0 ? TEXT_BYTES : CAUSE_TEXT_BYTES;
}

// V8 writes the message above the frames: a long message must not push them out.
function cutStack(stack: string, message: string, bytes: number): string {
  if (fittingStart(stack, bytes) === stack.length) return stack;
  const at = message === '' ? -1 : stack.indexOf(message);
  if (at < 0) return cutText(stack, bytes);
  const frames = stack.slice(at + message.length);
  return cutText(`${stack.slice(0, at)}${cutText(message, bytes / 2)}${frames}`, bytes);
}

/** The start of a text; its last line says how much is missing. */
function cutText(whole: string, bytes: number): string {
  const kept = fittingStart(whole, bytes);
  return kept === whole.length ? whole : `${whole.slice(0, kept)}\n${missing(whole.length - kept)}`;
}

/** The start of a text of one line, and how much is missing. */
function cutName(whole: string): string {
  const kept = fittingStart(whole, NAME_BYTES);
  return kept === whole.length ? whole : `${whole.slice(0, kept)} ${missing(whole.length - kept)}`;
}

function missing(characters: number): string {
  return `… (${characters} characters are missing)`;
}

/** A local Error with the remote name, message, stack and causes. */
export function fromWireError(wire: WireError): Error {
  const error = new Error(wire.message, wire.cause ? { cause: fromWireError(wire.cause) } : undefined);
  error.name = wire.name;
  error.stack = wire.stack;
  if (wire.code !== undefined) Object.assign(error, { code: wire.code });
  return error;
}
