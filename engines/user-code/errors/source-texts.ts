import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isAssignment, onlyAssigns } from './name-uses.ts';

/** Characters of source text that are remembered: code of megabytes must not stay for the sake of an error. */
const MAX_CHARACTERS = 2 ** 22;
/** Characters of a line that an excerpt shows. */
const WIDTH = 120;
const MAX_FILE_BYTES = 2 ** 21;

/** A place in a script: line and column count from 1, as stacks print them. */
export interface ScriptPlace {
  /** The script's name: `<engine 2>`, or the URL of a module. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Is it the stack's only place in code without a file? Then it lies in what the task ran. */
  readonly isOnly?: boolean | undefined;
  /** V8's hash of the compiled text, where it is known. */
  readonly hash?: string | undefined;
}

/** The text that a task ran: one of both, if any. */
export interface RanText {
  /** The source of its function. */
  readonly fn?: string | undefined;
  /** The code of an `execute`, as the user wrote it. */
  readonly code?: string | undefined;
}

/** A text as V8 compiled it. */
interface SourceText {
  readonly compiled: string;
  /** Characters of line 1 that the user did not write. */
  readonly prefix: number;
  hash: string | undefined;
}

/** The source texts that an engine has compiled last. They give the line of an error's place. */
export class SourceTexts {
  readonly #texts = new Map<string, SourceText>();
  #characters = 0;

  /** Remembers a compiled text; the oldest ones are forgotten. `prefix`: characters that the user did not write. */
  remember(compiled: string, prefix: number): void {
    if (compiled.length > MAX_CHARACTERS || this.#texts.has(compiled)) return;
    this.#texts.set(compiled, { compiled, prefix, hash: undefined });
    this.#characters += compiled.length;
    for (const oldest of this.#texts.keys()) {
      if (this.#characters <= MAX_CHARACTERS) break;
      this.#texts.delete(oldest);
      this.#characters -= oldest.length;
    }
  }

  /**
   * The line of a place, with its number and a caret, as a stack shows it. Undefined where the text is not known for
   * sure: a wrong line would be worse than none.
   */
  excerpt(place: ScriptPlace, ran: RanText = {}): string | undefined {
    const text = this.#text(place, ran);
    const line = text?.split('\n')[place.line - 1];
    if (text === undefined || line === undefined || line.trim() === '') return undefined;
    return asWritten(line, place, ran) ?? excerptOf(line, place.line, place.column);
  }

  /** True if the code at that place assigns the free name, and does not read it. */
  assigns(name: string, place: ScriptPlace | undefined, ran: RanText = {}): boolean {
    const text = place && this.#source(place, ran);
    if (place === undefined || text === undefined) return onlyAssigns(name, ran.fn ?? ran.code ?? '');
    return isAssignment(name, text.compiled, offsetOf(text.compiled, place, text.prefix));
  }

  #text(place: ScriptPlace, ran: RanText): string | undefined {
    const text = this.#source(place, ran);
    return text && writtenPart(text);
  }

  #source(place: ScriptPlace, { fn }: RanText): SourceText | undefined {
    if (place.file.startsWith('file:')) return fileText(place.file);
    const all = [...this.#texts.values()];
    if (place.hash !== undefined) return all.find((text) => hashOf(text) === place.hash);
    const possible = all.filter((text) => hasPlace(writtenPart(text), place));
    const own = fn === undefined || !place.isOnly ? [] : possible.filter((text) => writtenPart(text).includes(fn));
    return possible.length === 1 ? possible[0] : own.length === 1 ? own[0] : undefined;
  }
}

function writtenPart({ compiled, prefix }: SourceText): string {
  return compiled.slice(prefix);
}

const WORD = /^[\p{ID_Continue}$]+|^\S/u;

// The rewriting of a REPL keeps lines and moves columns: the word at the place is looked for in the line of the user.
function asWritten(line: string, { line: number, column }: ScriptPlace, { code }: RanText): string | undefined {
  const own = code?.split('\n')[number - 1];
  const word = WORD.exec(line.slice(column - 1))?.[0];
  if (own === undefined || word === undefined || !isRewritten(own, line)) return undefined;
  const at = nearest(own, word, column - 1);
  return at < 0 ? undefined : excerptOf(own, number, at + 1);
}

const DECLARATIONS = new Set(['const', 'let', 'var', 'import', 'from', 'as', 'export', 'default']);

/** Can that line have been made from the user's? Only words of declarations are lost. */
function isRewritten(own: string, line: string): boolean {
  const words = own.match(/[\p{ID_Continue}$]+/gu) ?? [];
  return words.every((word) => DECLARATIONS.has(word) || line.includes(word));
}

/** The place of the word that is nearest to `wanted`; −1 without any. */
function nearest(line: string, word: string, wanted: number): number {
  const after = line.indexOf(word, wanted);
  const before = line.lastIndexOf(word, wanted);
  if (after < 0 || before < 0) return Math.max(after, before);
  return after - wanted < wanted - before ? after : before;
}

function hashOf(text: SourceText): string {
  text.hash ??= createHash('sha256').update(text.compiled).digest('hex');
  return text.hash;
}

function hasPlace(text: string, { line, column }: ScriptPlace): boolean {
  return column <= (text.split('\n')[line - 1]?.length ?? -1);
}

// Columns of line 1 count from the user's text.
function offsetOf(text: string, { line, column }: ScriptPlace, prefix: number): number {
  const before = text.split('\n', line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return before + column - 1 + (line === 1 ? prefix : 0);
}

function fileText(url: string): SourceText | undefined {
  try {
    const bytes = readFileSync(fileURLToPath(url));
    if (bytes.byteLength > MAX_FILE_BYTES) return undefined;
    return { compiled: bytes.toString(), prefix: 0, hash: undefined };
  } catch {
    return undefined;
  }
}

/** One line of source with its number and a caret below the column (from 1); a long line is cut around the column. */
export function excerptOf(line: string, number: number, column: number): string {
  const from = line.length > WIDTH ? Math.max(0, Math.min(column - WIDTH / 2, line.length - WIDTH)) : 0;
  const shown = line
    .slice(from, from + WIDTH)
    .replaceAll('\t', ' ')
    .trimEnd();
  const lead = shown.length - shown.trimStart().length;
  const gutter = `    > ${number} | `;
  const caret = column - 1 - from - lead;
  const text = `${gutter}${from > 0 ? '…' : ''}${shown.slice(lead)}${from + WIDTH < line.length ? '…' : ''}`;
  if (caret < 0 || caret > shown.length) return text;
  return `${text}\n${' '.repeat(gutter.length - 2)}| ${' '.repeat(caret + (from > 0 ? 1 : 0))}^`;
}
