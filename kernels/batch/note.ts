// A note in a picture file, which says what the file was made from. Every reader of pictures passes over it. It stands
// near the end of the file, so that looking it up costs one short read.

import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { fsPath } from '../../src/util/byte-names.ts';

/** The origin of a drawing or a sheet that a batch has made. */
export interface Note {
  /** `drawing` of a picture, or a contact `sheet`. */
  readonly kind: 'drawing' | 'sheet';
  /** The absolute path of the picture. */
  readonly path?: string | undefined;
  readonly size?: number | undefined;
  readonly mtime?: number | undefined;
  /** The digest of the operation and its parameters. */
  readonly run?: string | undefined;
  /** The digest of the way in which it was drawn and written. */
  readonly style?: string | undefined;
}

const MARK = 'directview-note:';
const END = '\u0003';
/** Notes hold two paths at most. */
const TAIL_BYTES = 16_384;

/** The picture file with the note: PNG, JPEG, WebP or TIFF. Other bytes come back as they are. */
export function withNote(file: Uint8Array, note: Note): Uint8Array {
  const text = Buffer.from(`${MARK}${ascii(JSON.stringify(note))}${END}`, 'latin1');
  if (begins(file, 0, '\x89PNG')) return spliced(file, file.length - 12, pngChunk(text));
  if (begins(file, 0, '\xff\xd8')) return spliced(file, file.length - 2, jpegComment(text));
  if (begins(file, 0, 'RIFF') && begins(file, 8, 'WEBP')) return webpWith(file, text);
  // A reader of TIFF follows offsets: bytes behind the last part do not count.
  if (begins(file, 0, 'II') || begins(file, 0, 'MM')) return spliced(file, file.length, text);
  return file;
}

const ascii = (json: string) =>
  json.replace(/[^\x20-\x7e]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

const begins = (file: Uint8Array, at: number, text: string) =>
  [...text].every((letter, i) => file[at + i] === letter.charCodeAt(0));

function spliced(file: Uint8Array, at: number, part: Uint8Array): Uint8Array {
  return Buffer.concat([file.subarray(0, at), part, file.subarray(at)]);
}

function pngChunk(text: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from('tEXtComment\0', 'latin1'), text]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

function jpegComment(text: Buffer): Buffer {
  const head = Buffer.from([0xff, 0xfe, 0, 0]);
  head.writeUInt16BE(text.length + 2, 2);
  return Buffer.concat([head, text]);
}

/** A chunk of its own at the end, which the size of the file includes. */
function webpWith(file: Uint8Array, text: Buffer): Uint8Array {
  const head = Buffer.from('dvnt\0\0\0\0', 'latin1');
  head.writeUInt32LE(text.length, 4);
  const whole = Buffer.concat([file, head, text, Buffer.alloc(text.length % 2)]);
  whole.writeUInt32LE(whole.length - 8, 4);
  return whole;
}

/**
 * The note of a picture file; undefined where there is none, and null where there is no file.
 * @throws the error of node:fs, when the file is there and cannot be read
 */
export async function noteOf(path: string): Promise<Note | undefined | null> {
  const file = await open(fsPath(path), 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return parse(buffer.subarray(0, bytesRead).toString('latin1'));
  } finally {
    await file.close();
  }
}

function parse(tail: string): Note | undefined {
  const from = tail.lastIndexOf(MARK);
  const to = tail.indexOf(END, from);
  if (from < 0 || to < 0) return undefined;
  try {
    return JSON.parse(tail.slice(from + MARK.length, to)) as Note;
  } catch {
    return undefined;
  }
}
