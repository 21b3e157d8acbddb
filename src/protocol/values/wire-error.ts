import { ProtocolError } from '../../errors.ts';
import { BoundedMap } from '../../util/bounded.ts';
import { fittingStart } from '../../util/json-length.ts';
import { list, object, optional, type Reader, text } from '../fields.ts';
import {
  boundedCopy,
  boundedError,
  describe,
  errorName,
  type StackReader,
  shortText,
  stackText,
} from './bounded-copy.ts';
import { deserialize } from './value-deserializer.ts';
import { serialize } from './value-serializer.ts';
import { ERROR_CLASSES, errorKind } from './wire-kinds.ts';

/**
 * An error as it travels in a header. Everything is bounded in bytes of JSON, so that the header stays under its limit:
 * message, stack and fields 64 KiB each (of a cause 16 KiB), name and code 1 KiB.
 */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: string | undefined;
  readonly cause?: WireError | undefined;
  /** An error of its native class with its other own fields: the parts of a body, in base64. */
  readonly fields?: readonly string[] | undefined;
  /** The thrown value, unless it was an error: the parts of a body, in base64. */
  readonly value?: readonly string[] | undefined;
}

const KIB = 1024;
const NAME_BYTES = KIB;
const TEXT_BYTES = 64 * KIB;
/** Bytes of the message, and of the stack, of a cause: 16 causes take less than 1 MiB. */
const CAUSE_TEXT_BYTES = 16 * KIB;
/** Base64 has 4 characters for 3 bytes. */
const BASE64 = 4 / 3;
/** Causes that are sent, and causes that are accepted. */
const MAX_CAUSES = 8;
const MAX_CAUSES_READ = 16;
/** Fields of an error that have places of their own. */
const HEAD: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause']);
const UNREADABLE: WireError = { name: 'Error', message: 'an error that cannot be read was thrown', stack: '' };

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
  fields: optional(list(text)),
  value: optional(list(text)),
});

const ownStack: StackReader = (error) => shortText(error.stack ?? '');

/**
 * The error of whatever was thrown, cut to the limits of WireError. Never throws: getters of hostile errors are guarded.
 * `stackOf` gives the stack of an error and of its causes; default: all of it.
 */
export function toWireError(thrown: unknown, stackOf: StackReader = ownStack): WireError {
  return wireErrorAt(thrown, 0, stackOf);
}

function wireErrorAt(thrown: unknown, depth: number, stackOf: StackReader): WireError {
  try {
    return isErrorLike(thrown) ? fromError(thrown, depth, stackOf) : fromThrown(thrown, depth, stackOf);
  } catch {
    return UNREADABLE;
  }
}

// An error of another realm has another Error as its class.
function isErrorLike(value: unknown): value is Error & { readonly code?: unknown } {
  if (value instanceof Error) return true;
  return typeof value === 'object' && value !== null && 'message' in value && 'name' in value;
}

function fromError(error: Error & { readonly code?: unknown }, depth: number, stackOf: StackReader): WireError {
  const { code, cause } = error;
  const name = errorName(error);
  const message = shortText(error.message);
  return {
    name: cutName(name),
    message: cutText(message, textBytes(depth)),
    stack: cutStack(renamed(stackText(error, stackOf), name), message, textBytes(depth)),
    code: typeof code === 'string' ? cutName(code) : undefined,
    cause: cause !== undefined && depth < MAX_CAUSES ? wireErrorAt(cause, depth + 1, stackOf) : undefined,
    fields: fieldsOf(error, depth, stackOf),
  };
}

// The stack begins with the name that the error had when it was made.
function renamed(stack: string, name: string): string {
  const first = /^\w+(?=:|\n|$)/.exec(stack)?.[0];
  const isNative = ERROR_CLASSES.some((type) => type.name === first);
  return first !== undefined && isNative && first !== name ? `${name}${stack.slice(first.length)}` : stack;
}

// Own fields, hidden ones too: zod's `issues` and `errors` of an AggregateError are not enumerable.
function fieldsOf(error: Error, depth: number, stackOf: StackReader): readonly string[] | undefined {
  const own = Object.getOwnPropertyNames(error).filter((name) => name !== 'code' && !HEAD.has(name));
  const names = own.filter((name) => !isPrivate(error, name));
  // A text has its own place. The code of a DOMException is a number, and a getter of its class.
  const code: unknown = Reflect.get(error, 'code');
  if (code !== undefined && typeof code !== 'string') names.push('code');
  if (names.length === 0 && (errorKind(error) === 0 || NATIVE.has(errorName(error)))) return undefined;
  const bytes = textBytes(depth) / BASE64;
  return packed(boundedError(error, names, { bytes, stackOf }), textBytes(depth));
}

function isPrivate(error: object, name: string): boolean {
  const { enumerable, value } = Object.getOwnPropertyDescriptor(error, name) ?? {};
  return enumerable !== true && (name.startsWith('_') || typeof value === 'function');
}

/** A copied value as parts of a body in base64; undefined where it is too long after all, or cannot travel. */
function packed(value: unknown, bytes: number): readonly string[] | undefined {
  try {
    const parts = serialize(value).map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength));
    const texts = parts.map((part) => part.toString('base64'));
    return texts.reduce((sum, { length }) => sum + length, 0) <= 2 * bytes ? texts : undefined;
  } catch {
    return undefined;
  }
}

function fromThrown(thrown: unknown, depth: number, stackOf: StackReader): WireError {
  const bytes = textBytes(depth);
  const value = packed(boundedCopy(thrown, { bytes: bytes / BASE64, stackOf }), bytes);
  return { name: 'Error', message: cutText(`thrown: ${textOf(thrown)}`, bytes), stack: '', value };
}

function textOf(thrown: unknown): string {
  if (typeof thrown === 'string' && thrown !== '') return thrown;
  if (Array.isArray(thrown) || ArrayBuffer.isView(thrown)) return describe(thrown);
  const isBare = Object(thrown) === thrown && Object.getPrototypeOf(thrown) === null;
  // An object that cannot be made text is hostile, or empty; fields are worth showing.
  if (!isBare || Object.keys(thrown as object).length === 0) String(thrown);
  return describe(thrown);
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

/** The thrown value here: the value itself, or an error as `fromWireError` makes it. */
export function thrownValue(wire: WireError): unknown {
  const box = wire.value === undefined ? undefined : unpacked(wire.value);
  return box === undefined ? fromWireError(wire) : box.value;
}

/** A local Error with the remote name, class name, message, stack, causes and fields. */
export function fromWireError(wire: WireError): Error {
  const packed = wire.fields && unpacked(wire.fields)?.value;
  const error = packed instanceof Error ? packed : new (NATIVE.get(wire.name) ?? Error)();
  if (error.name !== wire.name) Object.setPrototypeOf(error, classOf(wire.name, error).prototype);
  hidden(error, 'message', wire.message);
  hidden(error, 'stack', wire.stack);
  if (wire.cause !== undefined) hidden(error, 'cause', thrownValue(wire.cause));
  if (wire.code !== undefined) Object.assign(error, { code: wire.code });
  return error;
}

function hidden(error: Error, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, enumerable: false, writable: true, configurable: true });
}

const asText = (source: string): string => source;
const REVIVERS = { fn: asText, ref: asText, module: (url: string, name: string) => `${name} of ${url}` };

// A peer of another version may send what cannot be read: the error is worth more than its fields.
function unpacked(texts: readonly string[]): { readonly value: unknown } | undefined {
  try {
    return {
      value: deserialize(
        texts.map((part) => new Uint8Array(Buffer.from(part, 'base64'))),
        REVIVERS,
      ),
    };
  } catch {
    return undefined;
  }
}

type ErrorClass = new (message?: string) => Error;

const MAX_CLASSES = 100;
const NATIVE: ReadonlyMap<string, ErrorClass> = new Map(
  [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError].map((type) => [type.name, type]),
);
const classes = new BoundedMap<string, ErrorClass>(MAX_CLASSES);

/** A class of that name, over the native class of the error: consoles print the names of classes. */
function classOf(name: string, { name: native }: Error): ErrorClass {
  const key = `${native} ${name}`;
  return classes.get(key) ?? classes.set(key, namedClass(name, NATIVE.get(native) ?? Error));
}

function namedClass(name: string, native: ErrorClass): ErrorClass {
  const type = class extends native {};
  Object.defineProperty(type, 'name', { value: name });
  Object.defineProperty(type.prototype, 'name', { value: name, writable: true, configurable: true });
  return type;
}
