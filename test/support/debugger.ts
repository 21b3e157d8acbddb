// A debugger of Node for tests: the inspector protocol over the least of WebSockets (RFC 6455) that it needs.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';

interface Told {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
}

/** A text frame of a client: masked, as clients must. */
function frameOf(text: string): Buffer {
  const body = Buffer.from(text);
  const mask = randomBytes(4);
  const head =
    body.length < 126
      ? Buffer.from([0x81, 0x80 | body.length])
      : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255]);
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ mask[i % 4]!)]);
}

/** A connection to the inspector of an engine. */
export class Debugger {
  readonly #socket: Socket;
  readonly #told: Told[] = [];
  #rest: Buffer;
  #next = 0;
  #wake = (): void => {};

  private constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    this.#rest = head;
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
  }

  static async attach(url: string): Promise<Debugger> {
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
    const key = { 'Sec-WebSocket-Key': randomBytes(16).toString('base64') };
    const asked = request(url.replace(/^ws:/, 'http:'), { headers: { ...headers, ...key } }).end();
    const [, socket, head] = (await once(asked, 'upgrade')) as [IncomingMessage, Socket, Buffer];
    return new Debugger(socket, head);
  }

  #take(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (;;) {
      const short = (this.#rest[1] ?? 0) & 127;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#rest.length < head) return;
      const size =
        short < 126 ? short : short === 126 ? this.#rest.readUInt16BE(2) : Number(this.#rest.readBigUInt64BE(2));
      if (this.#rest.length < head + size) return;
      const text = this.#rest.toString('utf8', head, head + size);
      if ((this.#rest[0]! & 15) === 1) this.#told.push(JSON.parse(text) as Told);
      this.#rest = this.#rest.subarray(head + size);
      this.#wake();
    }
  }

  /** The next message for which this holds. */
  async until(holds: (told: Told) => boolean): Promise<Told> {
    for (;;) {
      const found = this.#told.find(holds);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends a command; its result. */
  async ask(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#next;
    this.#socket.write(frameOf(JSON.stringify({ id, method, params })));
    const { result = {} } = await this.until((told) => told.id === id);
    return result;
  }

  close(): void {
    this.#socket.destroy();
  }
}
