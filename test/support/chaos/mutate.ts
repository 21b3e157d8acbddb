// Damages bytes as a hostile or broken peer would: a few changes at random places, drawn from a seed.
import { decodeHeader } from '../../../src/protocol/header-codec.ts';
import { PROTOCOL_VERSION } from '../../../src/protocol/messages.ts';
import type { Dice } from './random.ts';

const WORDS = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x101, 0x40000000];
const TEXTS = ['-1', '1e999', 'null', '[]', '{}', '"__proto__"', '9007199254740993', '\\u0000', '"'.repeat(50)];

/** Values in place of a field's own. */
const VALUES: readonly ((dice: Dice) => unknown)[] = [
  () => null,
  () => -1,
  () => 0.5,
  () => 2 ** 53,
  () => 1e308,
  () => true,
  () => '',
  () => [],
  () => ({}),
  () => '__proto__',
  () => '../../x\u0000',
  () => 'x'.repeat(70_000),
  () => JSON.parse('['.repeat(2000) + ']'.repeat(2000)) as unknown,
  () => JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}') as unknown,
  // Another name of the same form: a header that is right, of somebody else.
  (dice) => `fuzz-${dice.whole(0, 1e6)}`,
  (dice) => dice.whole(0, 100),
];

type Change = (bytes: Buffer, at: number, dice: Dice) => Buffer;

const CHANGES: readonly Change[] = [
  (bytes, at, dice) => replaced(bytes, at, 1, Buffer.of((bytes[at] ?? 0) ^ (1 << dice.whole(0, 7)))),
  (bytes, at, dice) => replaced(bytes, at, 1, Buffer.of(dice.whole(0, 255))),
  (bytes, at, dice) => replaced(bytes, at, 0, Buffer.of(dice.whole(0, 255))),
  (bytes, at, dice) => replaced(bytes, at, dice.whole(1, 16), Buffer.alloc(0)),
  (bytes, at, dice) => replaced(bytes, at, 0, bytes.subarray(at, at + dice.whole(1, 40))),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at, dice) => replaced(bytes, at, dice.whole(0, 3), Buffer.from(dice.pick(TEXTS))),
  (bytes, at, dice) => replaced(bytes, at & ~3, 4, word(dice.pick(WORDS))),
];

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function replaced(bytes: Buffer, at: number, count: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + count)]);
}

/** The frames with one to four changes; at times a frame is missing, doubled, or empty. */
export function mutate(frames: readonly Uint8Array[], dice: Dice): Buffer[] {
  const damaged: Buffer[] = frames.map((frame) => Buffer.from(frame));
  for (let n = dice.whole(1, 4); n > 0; n--) {
    const index = dice.whole(0, damaged.length - 1);
    const frame = damaged[index] as Buffer;
    damaged[index] = dice.pick(CHANGES)(frame, dice.whole(0, frame.length), dice);
  }
  const which = dice.whole(0, 40);
  const at = dice.whole(0, damaged.length - 1);
  if (which === 0) damaged.splice(at, 1);
  if (which === 1) damaged.splice(at, 0, damaged[at] as Buffer);
  if (which === 2) damaged[at] = Buffer.alloc(0);
  return damaged.length > 0 ? damaged : [Buffer.alloc(0)];
}

type Fields = Record<string, unknown>;

/** The message with one to three fields of its header that have another value, are gone, or are there twice. */
export function mutateFields([header = Buffer.alloc(0), ...body]: readonly Uint8Array[], dice: Dice): Uint8Array[] {
  // A short header as JSON, too: engines read both.
  const fields: Fields = { v: PROTOCOL_VERSION, ...decodeHeader([header]) };
  for (let n = dice.whole(1, 3); n > 0; n--) change(fields, dice);
  return [Buffer.from(JSON.stringify(fields)), ...body];
}

// The version stays: without it nothing else is looked at.
function change(fields: Fields, dice: Dice): void {
  const keys = Object.keys(fields).filter((name) => name !== 'v' && (name !== 'type' || dice.next() < 0.1));
  const key = dice.pick(keys);
  if (key === undefined) return;
  const value = fields[key];
  const isNested = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
  const way = dice.next();
  if (isNested && way < 0.8) change(value as Fields, dice);
  else if (way > 0.9) delete fields[key];
  else if (way > 0.8) fields[`${key}2`] = value;
  else fields[key] = dice.pick(VALUES)(dice);
}
