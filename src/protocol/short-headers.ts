// The two headers that every call has, as fixed bytes: JSON and its checks took 4 µs of a call that does nothing. Others, and
// tasks and replies with more fields, are JSON. Numbers are little-endian.
//
// Both:  0 kind, 1 protocol version, 2 flags of a task or status of a reply, 3 bytes of the id
// Task:  4 method, 5 bytes of `to`, 6 bytes of the label, 7 zero, 8 roster (u32), 12 call (u32), 16 id, `to`, label, links (2 or 4 × f64)
// Reply: 4 zeros, 8 started (f64, NaN: never), 16 completed (f64), 24 id
import { ProtocolError } from '../errors.ts';
import { type Header, PROTOCOL_VERSION, REPLY_STATUSES, type ReplyMessage, type TaskMessage } from './messages.ts';
import { METHODS, type Method } from './methods.ts';

/** The first byte: JSON begins with another one. */
const KIND = { task: 1, reply: 2 } as const;
/** Two float64 numbers: the costs of links while all send, and behind them those of one message alone. */
const LINKS_BYTES = 16;
/** The fields that a task has. */
const HAS = { roster: 1, call: 2, tells: 4, links: 8, alone: 16 } as const;
const TASK_BYTES = 16;
const REPLY_BYTES = 24;
const MAX_TEXT = 255;
const MAX_U32 = 0xffffffff;
const ASCII = 0x7f;

/** True for the bytes of a short header. */
export function isShort(bytes: Uint8Array): boolean {
  return bytes[0] === KIND.task || bytes[0] === KIND.reply;
}

/** The version that the writer of a short header speaks. */
export function versionOfShort(bytes: Uint8Array): number | undefined {
  return bytes[1];
}

/** The bytes of a header that fits; undefined for one that has to be JSON. */
export function writeShort(header: Header): Uint8Array | undefined {
  if (header.type === 'task') return writeTask(header);
  return header.type === 'reply' ? writeReply(header) : undefined;
}

function writeTask(task: TaskMessage): Uint8Array | undefined {
  const { id, to, label, roster, call, links } = task;
  if (task.runTimeout !== undefined || task.relayed !== undefined) return undefined;
  if (id.length > MAX_TEXT || to.length > MAX_TEXT || label.length > MAX_TEXT) return undefined;
  if ((roster ?? 0) > MAX_U32 || (call ?? 0) > MAX_U32) return undefined;
  const bytes = begun(KIND.task, TASK_BYTES + id.length + to.length + label.length + bytesOf(links), id);
  bytes[2] =
    (roster === undefined ? 0 : HAS.roster) | (call === undefined ? 0 : HAS.call) | (task.tells ? HAS.tells : 0);
  if (links !== undefined) writeLinks(bytes, links);
  bytes[4] = METHODS.indexOf(task.method);
  bytes[5] = to.length;
  bytes[6] = label.length;
  bytes[7] = 0;
  bytes.writeUInt32LE(roster ?? 0, 8);
  bytes.writeUInt32LE(call ?? 0, 12);
  const at = TASK_BYTES + id.length;
  const isWritten = put(bytes, TASK_BYTES, id) && put(bytes, at, to) && put(bytes, at + to.length, label);
  return isWritten ? bytes : undefined;
}

type Links = NonNullable<TaskMessage['links']>;

function bytesOf(links: Links | undefined): number {
  if (links === undefined) return 0;
  return isWhole(links) ? 2 * LINKS_BYTES : LINKS_BYTES;
}

function isWhole({ mailAlone, betweenAlone }: Links): boolean {
  return mailAlone !== undefined && betweenAlone !== undefined;
}

// They stand at the end.
function writeLinks(bytes: Buffer, links: Links): void {
  const at = bytes.length - bytesOf(links);
  bytes[2] = (bytes[2] as number) | HAS.links | (isWhole(links) ? HAS.alone : 0);
  bytes.writeDoubleLE(links.mail, at);
  bytes.writeDoubleLE(links.between, at + 8);
  if (!isWhole(links)) return;
  bytes.writeDoubleLE(links.mailAlone as number, at + LINKS_BYTES);
  bytes.writeDoubleLE(links.betweenAlone as number, at + LINKS_BYTES + 8);
}

function readLinks(bytes: Buffer, at: number): Links {
  const [mail, between] = [bytes.readDoubleLE(at), bytes.readDoubleLE(at + 8)];
  mustBe(Number.isFinite(mail) && Number.isFinite(between), 'task', bytes);
  if (bytes.length === at + LINKS_BYTES) return { mail, between };
  const [mailAlone, betweenAlone] = [bytes.readDoubleLE(at + LINKS_BYTES), bytes.readDoubleLE(at + LINKS_BYTES + 8)];
  mustBe(Number.isFinite(mailAlone) && Number.isFinite(betweenAlone), 'task', bytes);
  return { mail, between, mailAlone, betweenAlone };
}

function writeReply({ id, status, metadata, error }: ReplyMessage): Uint8Array | undefined {
  const { started, completed, stdout, stderr, executionCount } = metadata;
  if (error !== undefined || executionCount !== undefined || id.length > MAX_TEXT) return undefined;
  if (stdout !== '' || stderr !== '') return undefined;
  const bytes = begun(KIND.reply, REPLY_BYTES + id.length, id);
  bytes[2] = REPLY_STATUSES.indexOf(status);
  bytes.writeUInt32LE(0, 4);
  bytes.writeDoubleLE(started ?? Number.NaN, 8);
  bytes.writeDoubleLE(completed, 16);
  return put(bytes, REPLY_BYTES, id) ? bytes : undefined;
}

function begun(kind: number, length: number, id: string): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  bytes[0] = kind;
  bytes[1] = PROTOCOL_VERSION;
  bytes[3] = id.length;
  return bytes;
}

/** False for a text that is not ASCII. A loop, because it takes a third of the time of `bytes.write` for short texts. */
function put(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > ASCII) return false;
    bytes[at + i] = code;
  }
  return true;
}

/** The header, every field checked. @throws ProtocolError for bytes that no peer of this version writes */
export function readShort(bytes: Uint8Array): TaskMessage | ReplyMessage {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer[0] === KIND.task ? readTask(buffer) : readReply(buffer);
}

function readTask(bytes: Buffer): TaskMessage {
  mustBe(bytes.length >= TASK_BYTES, 'task', bytes);
  const method = METHODS[byte(bytes, 4)];
  const to = TASK_BYTES + byte(bytes, 3);
  const label = to + byte(bytes, 5);
  const flags = byte(bytes, 2);
  const end = label + byte(bytes, 6);
  const links = (flags & HAS.links ? LINKS_BYTES : 0) + (flags & HAS.alone ? LINKS_BYTES : 0);
  mustBe(method !== undefined && bytes.length === end + links, 'task', bytes);
  mustBe((flags & (HAS.links | HAS.alone)) !== HAS.alone, 'task', bytes);
  const message: Writable<TaskMessage> = {
    type: 'task',
    id: bytes.toString('latin1', TASK_BYTES, to),
    to: engines.read(bytes, to, label),
    method: method as Method,
    label: labels.read(bytes, label, end),
  };
  // A field that is absent is missing, as in JSON.
  if (flags & HAS.roster) message.roster = bytes.readUInt32LE(8);
  if (flags & HAS.call) message.call = bytes.readUInt32LE(12);
  if (flags & HAS.links) message.links = readLinks(bytes, end);
  if (flags & HAS.tells) message.tells = true;
  return message;
}

function readReply(bytes: Buffer): ReplyMessage {
  mustBe(bytes.length >= REPLY_BYTES && bytes.length === REPLY_BYTES + byte(bytes, 3), 'reply', bytes);
  const status = REPLY_STATUSES[byte(bytes, 2)];
  const started = bytes.readDoubleLE(8);
  const completed = bytes.readDoubleLE(16);
  mustBe(status !== undefined && Number.isFinite(completed) && Math.abs(started) !== Infinity, 'reply', bytes);
  return {
    type: 'reply',
    id: bytes.toString('latin1', REPLY_BYTES),
    status: status as ReplyMessage['status'],
    metadata: { started: Number.isNaN(started) ? null : started, completed, stdout: '', stderr: '' },
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

function mustBe(holds: boolean, kind: string, bytes: Uint8Array): void {
  if (!holds) throw new ProtocolError(`a short header of a ${kind} that no peer writes (${bytes.length} bytes)`);
}

/** A text that is mostly the same from message to message: then no new one is made. */
class LastText {
  #text = '';

  read(bytes: Buffer, from: number, to: number): string {
    if (!this.#isAt(bytes, from, to)) this.#text = bytes.toString('latin1', from, to);
    return this.#text;
  }

  #isAt(bytes: Uint8Array, from: number, to: number): boolean {
    const text = this.#text;
    if (text.length !== to - from) return false;
    for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
    return true;
  }
}

const engines = new LastText();
const labels = new LastText();
