import type { StreamName } from '../../../client/results/output/text.ts';

/** Sends text of one stream. */
export type SendText = (stream: StreamName, text: string) => void;

/** Characters of a cell that go out as they come. */
const LIVE = 1024 * 1024;
/** Characters of the end that are kept beyond that. */
const END = 64 * 1024;

/**
 * The text of one cell. Writes are gathered until `flush`. The beginning of very long output goes out as it
 * comes; `finish` sends its end and says how much is missing, because a page would not show 50 MB.
 */
export class StreamBuffer {
  readonly #send: SendText;
  #stream: StreamName = 'stdout';
  #text = '';
  #live = 0;
  #end = '';
  #missing = 0;

  constructor(send: SendText) {
    this.#send = send;
  }

  /** Takes text; that of the other stream leaves before. */
  write(stream: StreamName, text: string): void {
    if (stream !== this.#stream) this.finish();
    this.#stream = stream;
    const shown = text.slice(0, LIVE - this.#live);
    this.#live += shown.length;
    this.#text += shown;
    this.#keep(text.slice(shown.length));
  }

  #keep(text: string): void {
    if (text === '') return;
    const all = this.#end + text;
    this.#end = all.slice(-END);
    this.#missing += all.length - this.#end.length;
  }

  /** Sends what was gathered. */
  flush(): void {
    if (this.#text !== '') this.#send(this.#stream, this.#text);
    this.#text = '';
  }

  /** Sends the end of long output, too. */
  finish(): void {
    this.flush();
    if (this.#missing > 0) this.#send(this.#stream, `\n[… ${this.#missing} characters are left out …]\n`);
    if (this.#end !== '') this.#send(this.#stream, this.#end);
    this.#end = '';
    this.#missing = 0;
  }
}
