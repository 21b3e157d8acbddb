// A message as parts and back. A header is JSON and is read field by field (messages.ts), so that nothing else of it gets
// in; a body is one structured-clone blob and the raw buffers beside it (values/).
import type { Parts } from '../comm/transport.ts';
import { ProtocolError } from '../errors.ts';
import { asObject } from './fields.ts';
import { HEADERS, type Header, LARGE_HEADERS, PROTOCOL_VERSION } from './messages.ts';
import type { ArgumentsOf, Method } from './methods.ts';
import { faultError } from './values/fault-path.ts';
import { deserialize, type Revivers } from './values/value-deserializer.ts';
import { serialize } from './values/value-serializer.ts';

export type { Revivers } from './values/value-deserializer.ts';

/** A value on the wire: a blob, then raw buffers that are windows on the value's arrays. Empty: no value. */
export type Body = Parts;

const MAX_HEADER = 4 * 1024 * 1024;
const SMALL_HEADER = 64 * 1024;

/**
 * The parts of a message; the body's buffers are passed on, not copied.
 * @throws ProtocolError for a header over its limit (64 KiB; 4 MiB for LARGE_HEADERS)
 */
export function encodeMessage(header: Header, body: Body = []): Parts {
  const bytes = Buffer.from(JSON.stringify({ v: PROTOCOL_VERSION, ...header }));
  checkSize(header.type, bytes.byteLength);
  return [bytes, ...body];
}

/**
 * The header of a received message, every field checked and copied into a fresh object.
 * @throws ProtocolError for another protocol version (names both), an unknown type, or a bad field (names it)
 */
export function decodeHeader(parts: Parts): Header {
  const bytes = parts[0];
  if (bytes === undefined) throw new ProtocolError('a message without a header');
  checkSize('message', bytes.byteLength, MAX_HEADER);
  const header = checkHeader(parse(bytes));
  checkSize(header.type, bytes.byteLength);
  return header;
}

function checkSize(type: string, bytes: number, limit = LARGE_HEADERS.has(type) ? MAX_HEADER : SMALL_HEADER): void {
  if (bytes > limit) throw new ProtocolError(`the header of a ${type} has ${bytes} bytes, over ${limit}`);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (error) {
    throw new ProtocolError('there is no JSON in the header', { cause: error });
  }
}

function checkHeader(value: unknown): Header {
  const { v, type } = asObject(value, 'a header');
  if (v !== PROTOCOL_VERSION) {
    const theirs = typeof v === 'number' ? v : 'none';
    throw new ProtocolError(
      `protocol versions differ: the peer speaks ${theirs}, this side ${PROTOCOL_VERSION}; run the same directview on both`,
    );
  }
  return HEADERS(value, typeof type === 'string' ? type.slice(0, 32) : 'header');
}

/** The parts after the header. */
export function bodyOf(parts: Parts): Body {
  return parts.slice(1);
}

/**
 * Any value as a body: what structured clone carries, and tensors, functions and classes (as source), references, and
 * errors with their fields, at any depth. Typed arrays and buffers of 1024 bytes or more become windows beside the
 * blob: they must not change until the message is sent. tf.Tensors are read and become Tensors.
 * @throws NotSerializableError that names the path of what cannot travel, such as `args[0].cb`
 */
export function encodeBody(value: unknown): Body {
  try {
    return serialize(value);
  } catch (error) {
    throw faultError(value, error, serialize);
  }
}

/**
 * The value of a body; an empty body is `undefined`. Large typed arrays and tensors are windows on the parts.
 * @throws ProtocolError for bytes that are not well formed; what a reviver throws passes as it is
 */
export function decodeBody(body: Body, revivers: Revivers): unknown {
  return body.length === 0 ? undefined : deserialize(body, revivers);
}

/** A method and its encoded arguments. They are made together, so that they cannot mismatch. */
export interface EncodedCall<M extends Method = Method> {
  readonly method: M;
  readonly body: Body;
}

/**
 * A call of an engine's method, as a task message carries it.
 * @throws NotSerializableError as encodeBody
 */
export function encodeCall<M extends Method>(method: M, args: ArgumentsOf<M>): EncodedCall<M> {
  return { method, body: encodeBody(args) };
}

/**
 * The arguments of a task. They have the shape that `encodeCall` checked on a client of the same version; a verb that
 * depends on more checks it.
 * @throws as decodeBody
 */
export function decodeArguments<M extends Method>(_method: M, body: Body, revivers: Revivers): ArgumentsOf<M> {
  return decodeBody(body, revivers) as ArgumentsOf<M>;
}
