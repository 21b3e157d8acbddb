import { createReadStream } from 'node:fs';

/** A line of a file. */
export interface Line {
  readonly text: string;
  /** Bytes of the file up to the end of this line, its line feed included. */
  readonly end: number;
  /** Does a line feed end it? The last line of a file that was cut off has none. */
  readonly isWhole: boolean;
}

const FEED = 10;

/**
 * The lines of a file of any length, one by one. No lines where there is no file.
 * @throws any other error of node:fs
 */
export async function* linesOf(path: string): AsyncGenerator<Line, void, undefined> {
  let parts: Buffer[] = [];
  let end = 0;
  const take = (last: Buffer): string => {
    const text = parts.length === 0 ? last.toString('utf8') : Buffer.concat([...parts, last]).toString('utf8');
    parts = [];
    return text;
  };
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let at = chunk.indexOf(FEED); at >= 0; at = chunk.indexOf(FEED, from)) {
        const text = take(chunk.subarray(from, at));
        yield { text, end: end + at + 1, isWhole: true };
        from = at + 1;
      }
      if (from < chunk.length) parts.push(chunk.subarray(from));
      end += chunk.length;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (parts.length > 0) yield { text: take(Buffer.alloc(0)), end, isWhole: false };
}
