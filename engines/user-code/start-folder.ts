import { createRequire } from 'node:module';
import { join } from 'node:path';
import { cwd } from 'node:process';

/** The folder in which the engine started. User code imports from there, wherever a task moves to by `process.chdir`. */
export const START_FOLDER = cwd();

/** `require` as in a CommonJS file of the folder in which the engine started. */
export const startRequire = createRequire(join(START_FOLDER, 'engine.js'));

/** The name of a script that may import: Node resolves bare names from the folder of it. */
export function importingScript(engine: string): string {
  return join(START_FOLDER, `<${engine}>`);
}

/** A stack with `<engine 2>` in place of the names that `importingScript` gives. */
export function withoutStartFolder(stack: string): string {
  return stack.includes('<engine ') ? stack.replaceAll(join(START_FOLDER, '<engine '), '<engine ') : stack;
}
