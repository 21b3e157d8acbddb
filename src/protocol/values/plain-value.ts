// Short values in the format of V8's serializer, without the serializer: an object of V8 for each body, and its clean-up,
// took longer than a task that does nothing. Written here: undefined, null, booleans, numbers and short ASCII text, and the
// arguments of `apply` where all of them are such values. Everything else goes to V8, which reads these bytes too.
import { KIND } from './wire-kinds.ts';

/** Version 15 of the format: that of Node 20, which later ones read. */
const HEADER = [0xff, 0x0f] as const;
const TAG = {
  undefined: 0x5f,
  null: 0x30,
  true: 0x54,
  false: 0x46,
  int: 0x49,
  double: 0x4e,
  text: 0x22,
  object: 0x6f,
  objectEnd: 0x7b,
  host: 0x5c,
  list: 0x41,
  listEnd: 0x24,
} as const;
/** Bytes of a value that is written here. */
const MOST_BYTES = 4096;
const LONGEST_TEXT = 2048;
const MOST_ARGUMENTS = 16;
/** Whole numbers below are small integers of V8. */
const INT_LIMIT = 2 ** 30;
const ASCII = 0x7f;
/** Longer texts are written by Node: its call costs as much as a loop over so many characters. */
const LOOP_TEXT = 64;

/** The value is not one that is read here. */
export const NOT_PLAIN: unique symbol = Symbol('not plain');

const { isInteger } = Number;
/** All values are written here first. */
const scratch = Buffer.alloc(MOST_BYTES);
const FN = [TAG.object, TAG.text, 2, 0x66, 0x6e, TAG.host, KIND.function];
const ARGS = [TAG.text, 4, 0x61, 0x72, 0x67, 0x73, TAG.list];

/** The blob of a short value; undefined for one that V8 has to write. */
export function writePlain(value: unknown): Uint8Array | undefined {
  return blob(putValue(bytesAt(0, HEADER), value));
}

/** The blob of `{ fn, args }`; `source` is that of the function. Undefined where V8 has to write it. */
export function writePlainCall(source: string, args: readonly unknown[]): Uint8Array | undefined {
  if (args.length > MOST_ARGUMENTS) return undefined;
  let at = putText(bytesAt(bytesAt(0, HEADER), FN), source);
  if (at < 0) return undefined;
  at = bytesAt(at, ARGS);
  scratch[at++] = args.length;
  for (let i = 0; i < args.length && at >= 0; i++) at = putValue(at, args[i]);
  if (at < 0) return undefined;
  // Neither the list nor the object has more fields.
  return blob(bytesAt(at, [TAG.listEnd, 0, args.length, TAG.objectEnd, 2]));
}

/**
 * Copied out; undefined for -1. Not from Node's pool: an engine keeps the blobs of replies, and each would keep 8 KiB alive.
 * V8 has arrays of up to 64 bytes in its heap.
 */
function blob(length: number): Uint8Array | undefined {
  if (length < 0) return undefined;
  const bytes = new Uint8Array(length);
  if (length > LOOP_TEXT) bytes.set(scratch.subarray(0, length));
  else for (let i = 0; i < length; i++) bytes[i] = scratch[i] as number;
  return bytes;
}

function bytesAt(at: number, bytes: readonly number[]): number {
  for (let i = 0; i < bytes.length; i++) scratch[at + i] = bytes[i] as number;
  return at + bytes.length;
}

/** The place after it; -1 for a value that V8 has to write. */
function putValue(at: number, value: unknown): number {
  if (typeof value === 'number') return putNumber(at, value);
  if (typeof value === 'string') return putText(at, value);
  const tag = value === undefined ? TAG.undefined : value === null ? TAG.null : undefined;
  if (tag === undefined && typeof value !== 'boolean') return -1;
  scratch[at] = tag ?? (value === true ? TAG.true : TAG.false);
  return at + 1;
}

function putNumber(at: number, value: number): number {
  if (isInteger(value) && value > -INT_LIMIT && value < INT_LIMIT && !Object.is(value, -0)) {
    scratch[at] = TAG.int;
    return putVarint(at + 1, ((value << 1) ^ (value >> 31)) >>> 0);
  }
  scratch[at] = TAG.double;
  return scratch.writeDoubleLE(value, at + 1);
}

function putVarint(at: number, value: number): number {
  let rest = value;
  let to = at;
  for (; rest > ASCII; rest >>>= 7) scratch[to++] = (rest & ASCII) | 0x80;
  scratch[to++] = rest;
  return to;
}

function putText(at: number, text: string): number {
  const { length } = text;
  // Room for what may come after it.
  if (length > LONGEST_TEXT || at + length > MOST_BYTES - 256) return -1;
  scratch[at] = TAG.text;
  const from = putVarint(at + 1, length);
  if (length > LOOP_TEXT) return scratch.write(text, from) === length ? from + length : -1;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > ASCII) return -1;
    scratch[from + i] = code;
  }
  return from + length;
}

/** The value of a blob that `writePlain` could have written; else NOT_PLAIN. */
export function readPlain(blob: Uint8Array): unknown {
  if (blob[0] !== HEADER[0] || blob[1] !== HEADER[1]) return NOT_PLAIN;
  const reader = new PlainReader(blob, HEADER.length);
  const value = reader.value();
  return reader.isAtEnd ? value : NOT_PLAIN;
}

/** The source and the arguments of a blob that `writePlainCall` could have written; else undefined. */
export function readPlainCall(blob: Uint8Array): { readonly source: string; readonly args: unknown[] } | undefined {
  if (blob[0] !== HEADER[0] || blob[1] !== HEADER[1] || blob[2] !== TAG.object) return undefined;
  const reader = new PlainReader(blob, HEADER.length);
  if (!reader.has(FN)) return undefined;
  const source = reader.value();
  if (typeof source !== 'string' || !reader.has(ARGS)) return undefined;
  const count = reader.byte();
  if (count > MOST_ARGUMENTS) return undefined;
  const args: unknown[] = [];
  for (let i = 0; i < count; i++) args.push(reader.value());
  return reader.has([TAG.listEnd, 0, count, TAG.objectEnd, 2]) && reader.isAtEnd ? { source, args } : undefined;
}

/** Reads plain values one after the other. Behind one that is not plain it is at no end. */
class PlainReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  /** Everything was plain, and all of it was read. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** NaN past the end. */
  byte(): number {
    return this.#bytes[this.#at++] ?? Number.NaN;
  }

  /** True if these bytes come next; then it is behind them. */
  has(bytes: readonly number[]): boolean {
    for (let i = 0; i < bytes.length; i++) if (this.#bytes[this.#at + i] !== bytes[i]) return this.#lose();
    this.#at += bytes.length;
    return true;
  }

  value(): unknown {
    switch (this.byte()) {
      case TAG.int:
        return this.#int();
      case TAG.undefined:
        return undefined;
      case TAG.text:
        return this.#text();
      case TAG.double:
        return this.#double();
      case TAG.true:
        return true;
      case TAG.false:
        return false;
      case TAG.null:
        return null;
      default:
        return this.#lose();
    }
  }

  #int(): number {
    const zigzag = this.#varint();
    return (zigzag >>> 1) ^ -(zigzag & 1);
  }

  #double(): number {
    const at = this.#at;
    this.#at += 8;
    if (this.#at <= this.#bytes.length) return this.#bytes.readDoubleLE(at);
    this.#lose();
    return Number.NaN;
  }

  // Bytes over 127 are Latin-1, in this format as in V8's.
  #text(): string {
    const length = this.#varint();
    const from = this.#at;
    this.#at += length;
    if (this.#at <= this.#bytes.length) return this.#bytes.toString('latin1', from, this.#at);
    this.#lose();
    return '';
  }

  /** At most 32 bits. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value |= (byte & ASCII) << shift;
      if (!(byte > ASCII)) return value >>> 0;
    }
    this.#lose();
    return 0;
  }

  #lose(): false {
    this.#at = Number.POSITIVE_INFINITY;
    return false;
  }
}
