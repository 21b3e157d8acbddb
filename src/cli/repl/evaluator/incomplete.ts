import { tokenizer } from 'acorn';
import { topLevelSource } from '../../../util/user-modules/top-level.ts';
import { TypeScriptError, type TypeStripper, typeStripper } from '../../../util/user-modules/typed-source.ts';

/** Where acorn saw that text is wrong: `pos` is the start of the token, which is the length of the text at its end. */
interface ParseError extends SyntaxError {
  readonly pos: number;
}

/** Constructs that acorn reports at their start, although more lines could close them. */
const UNCLOSED = /^Unterminated (template|comment)/;

/**
 * True if more lines could make this a program, such as `for (const x of y) {`: JavaScript, or TypeScript where `strip`
 * reads it. Text that is plainly wrong is complete.
 */
export function isIncomplete(code: string, strip: () => TypeStripper | undefined = typeStripper): boolean {
  try {
    topLevelSource(code);
    return false;
  } catch (error) {
    const { pos, message } = error as ParseError;
    return pos >= code.length || UNCLOSED.test(message) || isUnfinishedTypeScript(code, strip());
  }
}

function isUnfinishedTypeScript(code: string, strip: TypeStripper | undefined): boolean {
  try {
    strip?.(code);
    return false;
  } catch (error) {
    return error instanceof TypeScriptError && error.isUnfinished && hasOpenBracket(code);
  }
}

// The parsers of TypeScript say of some wrong text, too, that it ends too early.
function hasOpenBracket(code: string): boolean {
  let depth = 0;
  try {
    for (const { type } of tokenizer(code, { ecmaVersion: 'latest' })) {
      if (['(', '[', '{', '${'].includes(type.label)) depth++;
      if ([')', ']', '}'].includes(type.label)) depth--;
    }
  } catch {
    return false; // what no token begins with
  }
  return depth > 0;
}
