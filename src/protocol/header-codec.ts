// A message as parts and back. A header is JSON and is read field by field (messages.ts), so that nothing else of it gets
// in; the two that each call has are short (short-headers.ts). Apart from codec.ts, because the threads that only talk need
// not load the codec of values.
import type { Parts } from '../comm/transport.ts';
import { ProtocolError } from '../errors.ts';
import type { Body } from './codec.ts';
import { asObject } from './fields.ts';
import { HEADERS, type Header, LARGE_HEADERS, PROTOCOL_VERSION } from './messages.ts';
import { isShort, readShort, versionOfShort, writeShort } from './short-headers.ts';

/** The peer speaks another version of the protocol. */
export class VersionError extends ProtocolError {}

const MAX_HEADER = 4 * 1024 * 1024;
const SMALL_HEADER = 64 * 1024;

/**
 * The parts of a message; the body's buffers are passed on, not copied.
 * @throws ProtocolError for a header over its limit (64 KiB; 4 MiB for LARGE_HEADERS)
 */
export function encodeMessage(header: Header, body: Body = []): Parts {
  const bytes = writeShort(header) ?? asJson(header);
  return body.length === 1 ? [bytes, body[0] as Uint8Array] : [bytes, ...body];
}

/**
 * The header of a received message, every field checked and copied into a fresh object.
 * @throws ProtocolError for another protocol version (names both), an unknown type, or a bad field (names it)
 */
export function decodeHeader(parts: Parts): Header {
  const bytes = parts[0];
  if (bytes === undefined) throw new ProtocolError('a message without a header');
  if (isShort(bytes)) {
    checkVersion(versionOfShort(bytes));
    return readShort(bytes);
  }
  checkSize('message', bytes.byteLength, MAX_HEADER);
  const header = checkHeader(parse(bytes));
  checkSize(header.type, bytes.byteLength);
  return header;
}

function asJson(header: Header): Uint8Array {
  const bytes = Buffer.from(JSON.stringify({ v: PROTOCOL_VERSION, ...header }));
  checkSize(header.type, bytes.byteLength);
  return bytes;
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
  checkVersion(v);
  return HEADERS(value, typeof type === 'string' ? type.slice(0, 32) : 'header');
}

function checkVersion(version: unknown): void {
  if (version === PROTOCOL_VERSION) return;
  const theirs = typeof version === 'number' ? version : 'none';
  throw new VersionError(
    `protocol versions differ: the peer speaks ${theirs}, this side ${PROTOCOL_VERSION}; run the same directview on both`,
  );
}

/** Characters of an id that is sent back. */
const MAX_ID = 1024;

/** The field `id` of a header that may be anything; undefined where it is none, or too long for an answer. */
export function idOfHeader(bytes: Uint8Array | undefined): string | undefined {
  try {
    const { id } = (isShort(bytes ?? NO_BYTES) ? decodeHeader([bytes as Uint8Array]) : parse(bytes ?? NO_BYTES)) as {
      id?: unknown;
    };
    return typeof id === 'string' && id.length <= MAX_ID ? id : undefined;
  } catch {
    return undefined;
  }
}

const NO_BYTES = new Uint8Array();

/** The parts after the header. */
export function bodyOf(parts: Parts): Body {
  return parts.slice(1);
}
