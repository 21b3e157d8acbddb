import { StringDecoder } from 'node:string_decoder';

const MAX_LINE = 1024 * 1024;

/**
 * Reads lines of JSON, however they are cut into chunks: the way in which helper programs of launchers talk. Lines that
 * are not JSON objects go to `other`: libraries print what they like.
 */
export class JsonLines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #take: (message: Readonly<Record<string, unknown>>) => void;
  readonly #other: (line: string) => void;
  #rest = '';

  constructor(take: (message: Readonly<Record<string, unknown>>) => void, other: (line: string) => void = () => {}) {
    this.#take = take;
    this.#other = other;
  }

  write(chunk: Buffer | string): void {
    const text = this.#rest + (typeof chunk === 'string' ? chunk : this.#decoder.write(chunk));
    const lines = text.split('\n');
    this.#rest = (lines.pop() ?? '').slice(-MAX_LINE);
    for (const line of lines) if (line.trim() !== '') this.#line(line);
  }

  #line(line: string): void {
    const value = parsed(line);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      this.#take(value as Record<string, unknown>);
    else this.#other(line);
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
