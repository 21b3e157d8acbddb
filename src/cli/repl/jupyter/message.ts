import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { BoundedMap } from '../../../util/bounded.ts';

/** The protocol version that the kernel speaks. */
export const PROTOCOL = '5.4';

/** The header of a message. */
export interface MessageHeader {
  readonly msg_id: string;
  readonly session: string;
  readonly username: string;
  readonly date: string;
  readonly msg_type: string;
  readonly version: string;
}

/** The fields of a message's content. */
export type Content = Readonly<Record<string, unknown>>;

/** A message of the Jupyter protocol. */
export interface Message {
  /** Routing frames of the front end, or the topic on iopub. */
  readonly identities: readonly Uint8Array[];
  readonly header: MessageHeader;
  readonly parent: MessageHeader | undefined;
  readonly metadata: Content;
  readonly content: Content;
}

const DELIMITER = Buffer.from('<IDS|MSG>');
/** Signatures of messages that came: each is taken once. */
const MAX_DIGESTS = 65_536;
const SESSION = randomUUID();

/** A message of this kernel. `parent` is the request that it answers, or whose code has caused it. */
export function messageOf(
  type: string,
  content: Content,
  parent: MessageHeader | undefined,
  identities: readonly Uint8Array[] = [],
): Message {
  const header = {
    msg_id: randomUUID(),
    session: SESSION,
    username: 'kernel',
    date: new Date().toISOString(),
    msg_type: type,
    version: PROTOCOL,
  };
  return { identities, header, parent, metadata: {}, content };
}

/** The code in front of the cursor: `cursor_pos` counts characters, not units of UTF-16. */
export function beforeCursor(code: string, cursor: number): string {
  return [...code].slice(0, cursor).join('');
}

/** Frames of messages, signed by HMAC-SHA256 (jupyter-client, "The wire protocol"). */
export class MessageCodec {
  readonly #key: string;
  readonly #digests = new BoundedMap<string, true>(MAX_DIGESTS);

  /** @param key empty: nothing is signed or checked */
  constructor(key: string) {
    this.#key = key;
  }

  /** The frames to send. */
  encode({ identities, header, parent, metadata, content }: Message): Uint8Array[] {
    const parts = [header, parent ?? {}, metadata, content].map((part) => Buffer.from(JSON.stringify(part)));
    return [...identities, DELIMITER, Buffer.from(this.#sign(parts)), ...parts];
  }

  /** The message of frames that came. @throws Error for a wrong signature, a replay, or other frames */
  decode(frames: readonly Uint8Array[]): Message {
    const at = frames.findIndex((frame) => DELIMITER.equals(frame));
    if (at < 0 || frames.length < at + 6) throw new Error('a message without its frames');
    const parts = frames.slice(at + 2, at + 6);
    this.#check(Buffer.from(frames[at + 1] as Uint8Array).toString('latin1'), parts);
    const [header, parent, metadata, content] = parts.map(objectOf) as [Content, Content, Content, Content];
    if (!isHeader(header)) throw new Error('a header without msg_id, msg_type or session');
    return {
      identities: frames.slice(0, at),
      header,
      parent: isHeader(parent) ? parent : undefined,
      metadata,
      content,
    };
  }

  #sign(parts: readonly Uint8Array[]): string {
    if (this.#key === '') return '';
    const hmac = createHmac('sha256', this.#key);
    for (const part of parts) hmac.update(part);
    return hmac.digest('hex');
  }

  #check(signature: string, parts: readonly Uint8Array[]): void {
    if (this.#key === '') return;
    const [given, expected] = [Buffer.from(signature), Buffer.from(this.#sign(parts))];
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Error('a wrong signature');
    if (this.#digests.has(signature)) throw new Error('a message that came before');
    this.#digests.set(signature, true);
  }
}

function objectOf(frame: Uint8Array): Content {
  const value = parsed(Buffer.from(frame).toString('utf8'));
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('a part without fields');
  return value as Content;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('a part that is not JSON');
  }
}

function isHeader(part: unknown): part is MessageHeader {
  const { msg_id: id, msg_type: type, session } = part as Partial<MessageHeader>;
  return typeof id === 'string' && typeof type === 'string' && typeof session === 'string';
}
