// Does source text end too early? V8's own parser knows.
import { Script } from 'node:vm';

const ENDS = /^(Unexpected end of input|Unterminated template literal|missing \) after argument list)/;

/** True if more lines could make this a program, such as `for (const x of y) {`. Text that is plainly wrong is complete. */
export function isIncomplete(code: string): boolean {
  const opened = `async () => {${code}`;
  return syntaxError(`${opened}\n}`) !== undefined && ENDS.test(syntaxError(opened) ?? '');
}

function syntaxError(text: string): string | undefined {
  try {
    new Script(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
