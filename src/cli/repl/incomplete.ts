import { topLevelSource } from '../../util/top-level.ts';

/** Where acorn saw that text is wrong: `pos` is the start of the token, which is the length of the text at its end. */
interface ParseError extends SyntaxError {
  readonly pos: number;
}

/** Constructs that acorn reports at their start, although more lines could close them. */
const UNCLOSED = /^Unterminated (template|comment)/;

/** True if more lines could make this a program, such as `for (const x of y) {`. Text that is plainly wrong is complete. */
export function isIncomplete(code: string): boolean {
  try {
    topLevelSource(code);
    return false;
  } catch (error) {
    const { pos, message } = error as ParseError;
    return pos >= code.length || UNCLOSED.test(message);
  }
}
