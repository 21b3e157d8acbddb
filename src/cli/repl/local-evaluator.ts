import { createRequire } from 'node:module';
import { join } from 'node:path';
import { constants, Script, type ScriptOptions } from 'node:vm';
import { type Deferred, deferred } from '../../util/deferred.ts';
import { type TopLevelSource, topLevelSource } from '../../util/top-level.ts';
import { javaScriptOf } from '../../util/user-modules/typed-source.ts';

/** The value of a piece of code. It is wrapped, because a promise of a thenable would wait for it. */
export interface Evaluation {
  readonly value: unknown;
}

/** The function that rewritten code calls for `import x from 'y'`. */
type ImportNames = (specifier: string, names: readonly (readonly [string, string | null])[]) => Promise<void>;

/** Where the script finds that function: not a name that users could meet. */
const IMPORT_NAMES = Symbol.for('directview.repl.importNames');
const INTERRUPTED = 'Script execution was interrupted by `SIGINT`';
/** The wait ends; what it waited for does not. */
const GOES_ON = 'code on engines goes on: await rc.interrupt() ends it';

/**
 * Evaluates code as a REPL does, in this process's global scope, so that values are instances of the classes here.
 * Top-level `await` works; top-level declarations and imports persist. It knows no terminal.
 */
export class LocalEvaluator {
  #count = 0;
  #waiting: Deferred<never> | undefined;
  #isLastValueOurs = true;
  #lastValue: unknown;

  /** Sets these names, `_` for the last value, `require`, and the names of Node's modules. */
  constructor(names: Readonly<Record<string, unknown>>) {
    for (const [name, value] of Object.entries(names)) this.set(name, value);
    defineModules();
    Object.defineProperty(globalThis, IMPORT_NAMES, { value: importNames, configurable: true });
    Object.defineProperty(globalThis, '_', {
      get: () => this.#lastValue,
      set: (value: unknown) => {
        this.#isLastValueOurs = false;
        this.#lastValue = value;
      },
      configurable: true,
    });
  }

  /** Puts a value under a name. */
  set(name: string, value: unknown): void {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });
  }

  /**
   * Runs JavaScript or TypeScript; the value is that of its last expression. `synchronously` surrounds the part that blocks the event loop,
   * which SIGINT ends.
   * @throws SyntaxError that shows the place; any error of the code
   */
  async run(code: string, synchronously: <T>(run: () => T) => T = (run) => run()): Promise<Evaluation> {
    const source = located(code, () => rewritten(code));
    for (const name of source.names) makeWritable(name);
    const call = `${source.text}(globalThis[Symbol.for('directview.repl.importNames')])`;
    const script = located(code, () => compile(call, `REPL${++this.#count}`, -source.prefix));
    const result: unknown = synchronously(() => script.runInThisContext({ breakOnSigint: true, displayErrors: false }));
    const value = source.awaits ? await this.#orInterrupt(result as Promise<unknown>) : result;
    if (this.#isLastValueOurs && value !== undefined) this.#lastValue = value;
    return { value };
  }

  /** The value of an expression that waits for nothing, such as `{folder}` in the line of a % command. @throws any error */
  valueNow(expression: string): unknown {
    return compile(`(${javaScriptOf(expression)}\n)`, 'REPL', -1).runInThisContext({ displayErrors: false });
  }

  /** Ends the wait of the code that runs, with an error. False when none is waited for. */
  interrupt(): boolean {
    const error = Object.assign(new Error(`${INTERRUPTED}; ${GOES_ON}`), { code: 'ERR_SCRIPT_EXECUTION_INTERRUPTED' });
    error.stack = `Error: ${error.message}`;
    this.#waiting?.reject(error);
    return this.#waiting !== undefined;
  }

  async #orInterrupt(result: Promise<unknown>): Promise<unknown> {
    const interrupted = deferred<never>();
    this.#waiting = interrupted;
    try {
      return await Promise.race([result, interrupted.promise]);
    } finally {
      this.#waiting = undefined;
    }
  }
}

/** Cuts the frames of the evaluator from an error's stack, and the one that calls the wrapper of the code. */
export function withoutOwnFrames(error: Error): Error {
  const lines = typeof error.stack === 'string' ? error.stack.split('\n') : [];
  const own = lines.findIndex((line) => /^\s+at .*(node:vm|local-evaluator\.)/.test(line));
  const isCalled = /node:vm/.test(lines[own] ?? '') && /^\s+at REPL\d+:/.test(lines[own - 1] ?? '');
  if (own >= 0) error.stack = lines.slice(0, isCalled ? own - 1 : own).join('\n');
  return error;
}

// `{ a: 1 }` is an object to who types it, although it parses as a block.
function rewritten(code: string): TopLevelSource {
  const text = code.trim();
  if (text.startsWith('{') && text.endsWith('}')) {
    try {
      return topLevelSource(javaScriptOf(`(${text})`));
    } catch {
      // a block after all
    }
  }
  return topLevelSource(javaScriptOf(code));
}

function compile(text: string, filename: string, columnOffset: number): Script {
  const options: ScriptOptions = { filename, columnOffset };
  // Node resolves the imports from the working directory.
  if (text.includes('import')) options.importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  return new Script(text, options);
}

const importNames: ImportNames = async (specifier, names) => {
  const script = compile(`import(${JSON.stringify(specifier)})`, 'REPL', 0);
  const module = (await script.runInThisContext()) as Record<string, unknown>;
  for (const [local, exported] of names) {
    if (exported !== null && !(exported in module)) {
      throw new SyntaxError(`module '${specifier}' has no export '${exported}'`);
    }
    Object.assign(globalThis, { [local]: exported === null ? module : module[exported] });
  }
};

/** A name that only reads, such as `crypto`, becomes a variable with the same value. */
function makeWritable(name: string): void {
  const found = Object.getOwnPropertyDescriptor(globalThis, name);
  if (found === undefined || found.writable === true || !found.configurable) return;
  const value: unknown = Reflect.get(globalThis, name);
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });
}

/** `require` from the working directory, and Node's modules by their names, loaded when they are first read. */
function defineModules(): void {
  const require = createRequire(join(process.cwd(), 'repl.js'));
  const names = (require('node:module') as { builtinModules: string[] }).builtinModules;
  const entries = [
    ['require', () => require] as const,
    ...names.filter((name) => /^[a-z]\w*$/.test(name)).map((name) => [name, () => require(name) as unknown] as const),
  ];
  for (const [name, get] of entries) {
    if (name in globalThis) continue;
    const set = (value: unknown) =>
      Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });
    Object.defineProperty(globalThis, name, { get, set, configurable: true });
  }
}

/** Gives a syntax error without acorn's fields, with the line that is wrong and a mark below it. */
function located<T>(code: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const { message, loc } = error as Error & { loc?: { line: number; column: number } };
    const plain = new SyntaxError(message.replace(/ \(\d+:\d+\)$/, ''));
    const line = loc === undefined ? undefined : code.split('\n')[loc.line - 1];
    const shown = line === undefined ? '' : `\n    ${line}\n    ${' '.repeat(loc?.column ?? 0)}^`;
    plain.stack = `SyntaxError: ${plain.message}${shown}`;
    throw plain;
  }
}
