import { builtinModules, createRequire } from 'node:module';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { constants, Script, type ScriptOptions } from 'node:vm';
import { BoundedMap } from '../../../util/bounded.ts';
import { type TopLevelSource, topLevelSource } from '../../../util/user-modules/top-level.ts';
import { javaScriptOf } from '../../../util/user-modules/typed-source.ts';
import { PHASE } from '../signals/phase-board.ts';
import { beginCell, breakable } from '../signals/signal-watch.ts';
import { CellWaits } from './cell-waits.ts';
import type { NameOrigin } from './notebook-names.ts';

/** The value of a piece of code. It is wrapped, because a promise of a thenable would wait for it. */
export interface Evaluation {
  readonly value: unknown;
}

/** The function that rewritten code calls for `import x from 'y'`. */
type ImportNames = (specifier: string, names: ImportedNames) => Promise<void>;
/** Local names and the exports that they stand for; null: the whole module. */
type ImportedNames = readonly (readonly [local: string, exported: string | null])[];

/** Where the script finds that function: not a name that users could meet. */
const IMPORT_NAMES = Symbol.for('directview.repl.importNames');
const WAIT = Symbol.for('directview.repl.wait');
const BEGIN = Symbol.for('directview.repl.begin');
const ARGUMENTS = ['importNames', 'scope', 'wait', 'begin']
  .map((name) => `globalThis[Symbol.for('directview.repl.${name}')]`)
  .join()
  .concat('()');
/** Cells whose functions are known by their text, and the characters that such a cell may have. */
const MAX_CELLS = 1000;
const MAX_CELL_CHARACTERS = 100_000;
const INTERRUPTED = 'Script execution was interrupted by `SIGINT`';
/** The wait ends; what it waited for does not. */
const GOES_ON = 'code on engines goes on: await rc.interrupt() ends it';

/**
 * Evaluates code as a REPL does, in this process's global scope, so that values are instances of the classes here.
 * Top-level `await` works; top-level declarations and imports persist. It knows no terminal.
 */
export class LocalEvaluator {
  #count = 0;
  /** The awaits of the code that runs. */
  #waits: CellWaits | undefined;
  #isLastValueOurs = true;
  #lastValue: unknown;
  /** The names of this session's start, and what they held: those that have another value now are the user's. */
  readonly #before: ReadonlyMap<string, PropertyDescriptor>;
  readonly #given: ReadonlySet<string>;
  /** The texts of cells, as they were compiled, the last ones. */
  readonly #cells = new BoundedMap<number, string>(MAX_CELLS);
  readonly #imports = new Map<string, { readonly value: unknown; readonly origin: NameOrigin }>();

  /** Sets these names, `_` for the last value, `require`, and the names of Node's modules. */
  constructor(names: Readonly<Record<string, unknown>>) {
    for (const [name, value] of Object.entries(names)) this.set(name, value);
    defineModules();
    const importing: ImportNames = (specifier, imported) => this.#import(specifier, imported);
    Object.defineProperty(globalThis, IMPORT_NAMES, { value: importing, configurable: true });
    Object.defineProperty(globalThis, BEGIN, { value: beginCell, configurable: true });
    Object.defineProperty(globalThis, '_', {
      get: () => this.#lastValue,
      set: (value: unknown) => {
        this.#isLastValueOurs = false;
        this.#lastValue = value;
      },
      configurable: true,
    });
    this.#given = new Set(Object.keys(names));
    this.#before = new Map(Object.entries(Object.getOwnPropertyDescriptors(globalThis)));
  }

  /** Where a name of globalThis comes from; undefined for those of JavaScript and Node. */
  originOf(name: string): NameOrigin | undefined {
    const now = Object.getOwnPropertyDescriptor(globalThis, name);
    if (now === undefined) return undefined;
    const before = this.#before.get(name);
    if (before?.get !== undefined && before.get === now.get) return moduleOrigin(name);
    const isSame = before !== undefined && 'value' in before && Object.is(before.value, now.value);
    if (isSame) return this.#given.has(name) ? { kind: 'session' } : undefined;
    const imported = this.#imports.get(name);
    return imported !== undefined && Object.is(imported.value, now.value) ? imported.origin : { kind: 'user' };
  }

  async #import(specifier: string, names: ImportedNames): Promise<void> {
    for (const [name, exported, value] of await importNames(specifier, names)) {
      this.#imports.set(name, { value, origin: { kind: 'import', specifier: absolute(specifier), exported } });
    }
  }

  /** True for the text of a function that a cell has made, as `toString` gives it. */
  isOfCell(source: string): boolean {
    return [...this.#cells.keys()].some((number) => this.#cells.get(number)?.includes(source));
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
    const waits = new CellWaits();
    Reflect.set(globalThis, WAIT, waits.asFunction);
    const call = `${source.text}(${ARGUMENTS})`;
    if (call.length <= MAX_CELL_CHARACTERS) this.#cells.set(this.#count, call);
    const script = located(code, () => compile(call, `REPL${++this.#count}`, -source.prefix));
    const enter = () => breakable(() => script.runInThisContext({ breakOnSigint: true, displayErrors: false }));
    const start = () => synchronously(enter);
    const value: unknown = source.awaits ? await this.#awaited(waits, start) : start();
    if (this.#isLastValueOurs && value !== undefined) this.#lastValue = value;
    return { value };
  }

  /** The value of an expression that waits for nothing, such as `{folder}` in the line of a % command. @throws any error */
  valueNow(expression: string): unknown {
    return compile(`(${javaScriptOf(expression)}\n)`, 'REPL', -1).runInThisContext({ displayErrors: false });
  }

  /** Ends the wait of the code that runs, with an error that ends in `note`. False when none is waited for. */
  interrupt(note: string = GOES_ON): boolean {
    const error = Object.assign(new Error(`${INTERRUPTED}; ${note}`), { code: 'ERR_SCRIPT_EXECUTION_INTERRUPTED' });
    error.stack = `Error: ${error.message}`;
    this.#waits?.interrupt(error);
    return this.#waits !== undefined;
  }

  async #awaited(waits: CellWaits, start: () => unknown): Promise<unknown> {
    this.#waits = waits;
    try {
      // The end of a loop behind an `await` takes all microtasks that wait with it: those of the callers must be through.
      await waits.wait(nextTurn());
      const result = start();
      PHASE.enter('waits');
      return await waits.wait(result);
    } finally {
      this.#waits = undefined;
      PHASE.enter('idle');
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
      return topLevelSource(javaScriptOf(`(${text})`), undefined, 'waits');
    } catch {
      // a block after all
    }
  }
  return topLevelSource(javaScriptOf(code), undefined, 'waits');
}

function compile(text: string, filename: string, columnOffset: number): Script {
  const options: ScriptOptions = { filename, columnOffset };
  // Node resolves the imports from the working directory.
  if (text.includes('import')) options.importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  return new Script(text, options);
}

/** Sets the names; gives them with their values. */
const importNames = async (specifier: string, names: ImportedNames) => {
  const script = compile(`import(${JSON.stringify(specifier)})`, 'REPL', 0);
  const module = (await script.runInThisContext()) as Record<string, unknown>;
  return names.map(([local, exported]) => {
    if (exported !== null && !(exported in module)) {
      throw new SyntaxError(`module '${specifier}' has no export '${exported}'`);
    }
    const value = exported === null ? module : module[exported];
    Object.assign(globalThis, { [local]: value });
    return [local, exported, value] as const;
  });
};

/** An engine has another folder: a file is named by its URL. */
function absolute(specifier: string): string {
  const isPath = /^\.{0,2}\//.test(specifier);
  return isPath ? String(new URL(specifier, pathToFileURL(join(process.cwd(), 'repl.js')))) : specifier;
}

/** Node's modules are there by their names: a function finds them on engines too. `_` is the last value. */
function moduleOrigin(name: string): NameOrigin | undefined {
  if (name === '_') return { kind: 'user' };
  return builtinModules.includes(name) ? { kind: 'import', specifier: `node:${name}`, exported: 'default' } : undefined;
}

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
