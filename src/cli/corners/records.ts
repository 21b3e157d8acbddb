// The text records of a batch: JSON lines, CSV, or lines for people, in a file or on stdout.
import { createWriteStream, type WriteStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import type { Corner, CornersOfFile } from '../../../kernels/index.ts';
import { ClusterError } from '../../errors.ts';
import { writeFileAtomic } from '../../util/atomic-write.ts';

/** A text format: how a result becomes text, and which picture a line is about. */
export interface RecordFormat {
  readonly head: string;
  text(image: string, found: CornersOfFile): string;
  /** Undefined for a line that was cut off. */
  imageOf(line: string): string | undefined;
}

/** One JSON object per picture. */
export const JSON_LINES: RecordFormat = {
  head: '',
  text: (image, { shape, corners, subpix, ms }) => {
    const fields = { image, shape, corners, subpix, ms: round(ms, 2) };
    return `${JSON.stringify(fields)}\n`;
  },
  imageOf: (line) => {
    try {
      return (JSON.parse(line) as { image?: string }).image;
    } catch {
      return undefined;
    }
  },
};

/** One row per corner. */
export const CSV: RecordFormat = {
  head: 'image,row,col,subpix_row,subpix_col\n',
  text: (image, { corners, subpix }) =>
    corners.map((corner, i) => `${[cell(image), ...corner, ...fine(subpix?.[i])].join(',')}\n`).join(''),
  imageOf: (line) => {
    const [, quoted, plain] = /^(?:"((?:[^"]|"")*)"|([^",]*)),\d+,\d+,[\d.-]*,[\d.-]*$/.exec(line) ?? [];
    return quoted?.replaceAll('""', '"') ?? plain;
  },
};

/** One line per picture, for people. */
export const LINES: RecordFormat = {
  head: '',
  text: (image, { shape, corners }) => `${image}: ${shape.join('×')}, ${corners.length} corners\n`,
  imageOf: () => undefined,
};

const fine = (position: Corner | null | undefined) => position ?? ['', ''];
const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const round = (value: number, digits: number) => Number(value.toFixed(digits));

/** The pictures that have lines in a file; none when there is no file. */
export async function recorded(path: string, format: RecordFormat): Promise<Set<string>> {
  const lines = await linesOf(path);
  return new Set(lines.flatMap((line) => format.imageOf(line) ?? []));
}

async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

/** Records in a file, or on stdout for `-`. */
export class Records {
  readonly #format: RecordFormat;
  readonly #stream: WriteStream | NodeJS.WriteStream;
  #failure: Error | undefined;

  private constructor(format: RecordFormat, stream: WriteStream | NodeJS.WriteStream) {
    this.#format = format;
    this.#stream = stream;
    stream.on('error', (error: Error) => {
      this.#failure = error;
    });
  }

  /**
   * Opens the file anew, with only the lines about the pictures in `keep`.
   * @throws ClusterError when it cannot be written
   */
  static async open(path: string, format: RecordFormat, keep: ReadonlySet<string> = new Set()): Promise<Records> {
    if (path === '-') return Records.#to(process.stdout, format);
    try {
      const kept = keep.size === 0 ? [] : (await linesOf(path)).filter((line) => keep.has(format.imageOf(line) ?? ''));
      await rewrite(path, format.head + kept.map((line) => `${line}\n`).join(''));
    } catch (error) {
      throw new ClusterError(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
    }
    return new Records(format, createWriteStream(path, { flags: 'a' }));
  }

  static async #to(stream: NodeJS.WriteStream, format: RecordFormat): Promise<Records> {
    const records = new Records(format, stream);
    await records.#write(format.head);
    return records;
  }

  /** Writes a result; waits while the reader is slower than the engines. @throws ClusterError when the reader is gone */
  add(image: string, found: CornersOfFile): Promise<void> {
    return this.#write(this.#format.text(image, found));
  }

  async #write(text: string): Promise<void> {
    if (text !== '' && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#stream.write(text, () => resolve()));
    }
    if (this.#failure === undefined) return;
    throw new ClusterError(`cannot write the results: ${this.#failure.message}`, { cause: this.#failure });
  }

  async close(): Promise<void> {
    if (this.#stream === process.stdout) return;
    await new Promise<void>((resolve) => this.#stream.end(() => resolve()));
  }
}

// Atomic, so that lines of an earlier run survive when this one is killed here. A device or pipe is not replaced.
async function rewrite(path: string, text: string): Promise<void> {
  const special = await stat(path)
    .then((found) => !found.isFile())
    .catch(() => false);
  if (text === '' || special) return (await open(path, special ? 'a' : 'w')).close();
  await writeFileAtomic(path, text);
}
