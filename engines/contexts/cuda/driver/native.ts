import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { LibraryHandle } from 'koffi';
import { ContextError } from '../../../../src/errors.ts';

/** Arguments that C takes: numbers, handles and device addresses as bigints, texts, and memory that it reads or writes in place. */
export type CArgument = number | bigint | string | readonly string[] | ArrayBufferView | null;
/** A C function that answers with a status. */
export type CFunction = (...args: CArgument[]) => number;

type Koffi = typeof import('koffi');

/** A shared library, with its functions declared at first use. */
export class NativeLibrary {
  readonly path: string;
  readonly koffi: Koffi;
  readonly #handle: LibraryHandle;

  private constructor(path: string, koffi: Koffi) {
    this.path = path;
    this.koffi = koffi;
    this.#handle = koffi.load(path);
  }

  /**
   * Loads a library.
   * @param companions names, without version, of libraries of its folder that it loads itself by name: first, because the
   * system's linker may not know the folder
   * @throws ContextError naming the file
   */
  static async open(path: string, companions: readonly string[] = []): Promise<NativeLibrary> {
    try {
      const koffi = await import('koffi');
      for (const file of companionsOf(path, companions)) koffi.load(file);
      return new NativeLibrary(path, koffi);
    } catch (cause) {
      throw new ContextError(`${path} does not load: ${(cause as Error).message}`, { cause });
    }
  }

  /** @throws ContextError when the library does not have it */
  declare(symbol: string, result: string, parameters: readonly string[]): CFunction {
    try {
      return this.#handle.func(symbol, result, [...parameters]) as unknown as CFunction;
    } catch (cause) {
      throw new ContextError(`${this.path} has no ${symbol}`, { cause });
    }
  }
}

function companionsOf(path: string, stems: readonly string[]): string[] {
  const folder = dirname(path);
  const version = /\.so\.(\d+)/.exec(basename(path))?.[1] ?? '';
  const files = stems.length === 0 ? [] : readdirSync(folder);
  return stems.flatMap((stem) => {
    const file = files.find((name) => name.startsWith(`${stem}.so.${version}`));
    return file === undefined ? [] : [join(folder, file)];
  });
}

/** Memory for one handle or address that C writes. */
export const outHandle = (): BigUint64Array<ArrayBuffer> => new BigUint64Array(1);
