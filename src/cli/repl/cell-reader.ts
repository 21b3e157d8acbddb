import { isIncomplete } from './evaluator/incomplete.ts';
import { parsePxLine } from './px-line.ts';

/** A piece of input that runs as a whole. */
export type InputCell =
  /** JavaScript, for this process or, under `%autopx`, for the engines. */
  | { readonly kind: 'code'; readonly code: string }
  /** A line that begins with %, and the lines below it if it is `%%px`. */
  | { readonly kind: 'magic'; readonly line: string; readonly code: string }
  /** `.help`, `.load FILE`: a command of the session itself. */
  | { readonly kind: 'dot'; readonly name: string; readonly argument: string };

const DOT = /^\s*\.([a-z]+)(?:\s+(.*?))?\s*$/;
const DOT_ENDINGS = ['break', 'clear', 'exit'];
const isBlank = (line: string) => line.trim() === '';

/**
 * Puts lines together to cells. JavaScript ends where it is complete. A `%%px` cell takes empty lines: it ends at two of
 * them in a row, or at one before a line that begins with %. Where no more text has come, `end` is for the caller to say.
 */
export class CellReader {
  #lines: string[] = [];
  /** The `%%px` line above the lines. */
  #magic: string | undefined;
  #mayEnd = false;

  /** True while the lines so far make no whole cell. */
  get isOpen(): boolean {
    return this.#magic !== undefined || this.#lines.length > 0;
  }

  /** The `%%px` line of the open cell. */
  get magic(): string | undefined {
    return this.#magic;
  }

  /** True after an empty line at which a `%%px` cell ends, unless more of it follows at once, as in a paste. */
  get mayEnd(): boolean {
    return this.#mayEnd;
  }

  /** Takes a line without its line break; gives the cells that it completes. */
  push(line: string): InputCell[] {
    if (this.#magic !== undefined) return this.#inMagic(line);
    const dot = DOT.exec(line);
    if (this.isOpen)
      return dot !== null && DOT_ENDINGS.includes(dot[1] as string) ? this.#left(line) : this.#code(line);
    if (dot !== null) return [{ kind: 'dot', name: dot[1] as string, argument: dot[2] ?? '' }];
    if (/^\s*[%?]/.test(line)) return this.#open(line);
    return isBlank(line) ? [] : this.#code(line);
  }

  /** Ends the open cell as it is: the input has ended, or an empty line was meant to end it. */
  end(): InputCell[] {
    const code = this.#lines.join('\n');
    const magic = this.#magic;
    this.drop();
    if (isBlank(code)) return [];
    return [magic === undefined ? { kind: 'code', code } : { kind: 'magic', line: magic, code: `${code}\n` }];
  }

  /** Forgets the open cell. */
  drop(): void {
    this.#lines = [];
    this.#magic = undefined;
    this.#mayEnd = false;
  }

  #open(line: string): InputCell[] {
    if (!opensCell(line)) return [{ kind: 'magic', line, code: '' }];
    this.#magic = line;
    return [];
  }

  #left(line: string): InputCell[] {
    this.drop();
    return this.push(line);
  }

  #code(line: string): InputCell[] {
    this.#lines.push(line);
    return isIncomplete(this.#lines.join('\n')) ? [] : this.end();
  }

  #inMagic(line: string): InputCell[] {
    if (this.#mayEnd && isBlank(line)) return this.end();
    if (this.#endsBefore(line)) return [...this.end(), ...this.push(line)];
    if (this.#mayEnd) this.#lines.push('');
    this.#mayEnd = isBlank(line) && !isIncomplete(this.#lines.join('\n'));
    if (!this.#mayEnd) this.#lines.push(line);
    return [];
  }

  // `a = b` may go on with `%c` on the next line, but not after an empty one, and nothing goes on with `%%`.
  #endsBefore(line: string): boolean {
    if (this.#mayEnd) return /^\s*[%?]/.test(line) || DOT_ENDINGS.includes(DOT.exec(line)?.[1] ?? '');
    return /^\s*%%/.test(line) && !isIncomplete(this.#lines.join('\n'));
  }
}

/** The cells of a whole text, such as a file or a cell of a notebook. */
export function cellsOf(text: string): InputCell[] {
  const reader = new CellReader();
  const cells = text.split(/\r?\n/).flatMap((line) => reader.push(line));
  return [...cells, ...reader.end()];
}

/** A `%%px` line that is wrong, or asks for help, has no lines below it. */
function opensCell(line: string): boolean {
  try {
    return parsePxLine(line).command === '%%px';
  } catch {
    return false;
  }
}
