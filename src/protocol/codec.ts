// A message as parts and back. A header is JSON and is checked field by field (header.ts); a body is one
// structured-clone blob and the raw buffers beside it (value-serializer.ts, value-deserializer.ts).
import type { Parts } from '../comm/transport.ts';
import { ProtocolError } from '../errors.ts';
import { checkHeader, headerLimit, MAX_HEADER } from './header.ts';
import { type Header, PROTOCOL_VERSION } from './messages.ts';
import { faultError } from './values/fault-path.ts';
import { deserialize, type Revivers } from './values/value-deserializer.ts';
import { serialize } from './values/value-serializer.ts';

export type { Revivers } from './values/value-deserializer.ts';

/** A value on the wire: a blob, then raw buffers that are windows on the value's arrays. Empty: no value. */
export type Body = Parts;

/**
 * The parts of a message; the body's buffers are passed on, not copied.
 * @throws ProtocolError for a header over its limit (64 KiB; 4 MiB where it bears text or lists)
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

function checkSize(type: string, bytes: number, limit = headerLimit(type)): void {
  if (bytes > limit) throw new ProtocolError(`the header of a ${type} has ${bytes} bytes, over ${limit}`);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString());
  } catch (error) {
    throw new ProtocolError('a header that is no JSON', { cause: error });
  }
}

/** What follows the header. */
export function bodyOf(parts: Parts): Body {
  return parts.slice(1);
}

/**
 * Any value as a body: what structured clone carries, and tensors, functions and classes (as source), references, and
 * errors with their fields, at any depth. Typed arrays and buffers of 1024 bytes or more become windows beside the
 * blob, so they must not change until the message is sent; tf.Tensors are read and become Tensors.
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
