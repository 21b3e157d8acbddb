import { type FileHandle, open } from 'node:fs/promises';
import { ClusterError } from '../../errors.ts';

/** Takes the lines of a batch. */
export interface ResultsSink {
  /** @throws ClusterError when they cannot be written; then nothing of them is in the file */
  append(text: string): Promise<void>;
  close(): Promise<void>;
}

/** A file of results. Text is only added, and is there whole or not at all. */
export class ResultsFile implements ResultsSink {
  readonly #path: string;
  readonly #file: FileHandle;
  /** A device or a pipe: it has no length, and is not cut. */
  readonly #isSpecial: boolean;
  /** Bytes that were there when it was opened. */
  readonly size: number;
  #length = 0;

  private constructor(path: string, file: FileHandle, { isSpecial, size }: { isSpecial: boolean; size: number }) {
    this.size = size;
    this.#path = path;
    this.#file = file;
    this.#isSpecial = isSpecial;
  }

  /** Opens the file, which may not exist yet, and changes nothing in it. @throws ClusterError when it cannot be written */
  static async open(path: string): Promise<ResultsFile> {
    try {
      const file = await open(path, 'a');
      const found = await file.stat();
      return new ResultsFile(path, file, { isSpecial: !found.isFile(), size: found.isFile() ? found.size : 0 });
    } catch (error) {
      throw refusal(path, error);
    }
  }

  /** Cuts the file behind its first `length` bytes; what is added comes behind them. */
  async begin(length: number): Promise<void> {
    this.#length = length;
    if (!this.#isSpecial) await this.#file.truncate(length);
  }

  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    try {
      for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
    } catch (error) {
      // A full disk takes a part of the text: without it the file ends in a whole line.
      if (!this.#isSpecial) await this.#file.truncate(this.#length).catch(() => {});
      throw refusal(this.#path, error);
    }
    this.#length += bytes.length;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function refusal(path: string, error: unknown): ClusterError {
  return new ClusterError(`cannot write ${path}: ${(error as Error).message}`, { cause: error });
}

/** Thrown by a sink whose reader has gone, as `head` does when it has seen enough. */
export class ReaderGone extends ClusterError {}

/** Results on a stream of this process: `before` and `after` are called around each text, to take a progress bar away. */
export class StreamSink implements ResultsSink {
  readonly #stream: NodeJS.WritableStream;
  readonly #around: { before(): void; after(): void };
  #failure: NodeJS.ErrnoException | undefined;

  constructor(stream: NodeJS.WritableStream, around: { before(): void; after(): void }) {
    this.#stream = stream;
    this.#around = around;
    stream.on('error', (error: Error) => {
      this.#failure = error;
    });
  }

  /** Waits while the reader is slower than the engines. @throws ReaderGone, ClusterError */
  async append(text: string): Promise<void> {
    if (text !== '' && this.#failure === undefined) {
      this.#around.before();
      await new Promise<void>((resolve) => this.#stream.write(text, () => resolve()));
      this.#around.after();
    }
    const failure = this.#failure;
    if (failure === undefined) return;
    const message = `cannot write the results: ${failure.message}`;
    throw failure.code === 'EPIPE' ? new ReaderGone(message) : new ClusterError(message, { cause: failure });
  }

  async close(): Promise<void> {
    // The stream belongs to the process.
  }
}
