import { constants, Script, type ScriptOptions } from 'node:vm';
import { BoundedMap } from '../../src/util/bounded.ts';
import type { TopLevelSource } from '../../src/util/top-level.ts';
import type { UserNamespace } from './namespace.ts';

const MAX_CACHED = 1000;
const PATH = /^[\p{ID_Start}$_][\p{ID_Continue}$]*(\.[\p{ID_Start}$_][\p{ID_Continue}$]*)*$/u;
const KEYWORD = /^(this|null|true|false|undefined|NaN|Infinity|globalThis)\b/;

type Revived = (name: (fn: unknown) => unknown) => unknown;
type ReplFunction = (importNames: typeof Evaluator.prototype.importNames) => unknown;

// esbuild's keepNames wraps inner functions in __name(fn, "name").
const nameShim = (fn: unknown): unknown => fn;

/** Evaluates source text and functions of users in the engine's globalThis. It caches what it compiled. */
export class Evaluator {
  readonly #namespace: UserNamespace;
  readonly #engine: () => string;
  readonly #functions = new BoundedMap<string, unknown>(MAX_CACHED);
  readonly #expressions = new BoundedMap<string, Script>(MAX_CACHED);
  #topLevelSource: ((code: string) => TopLevelSource) | undefined;

  /** `engine` gives the engine's name for stacks and messages: `engine 2`. */
  constructor(namespace: UserNamespace, engine: () => string) {
    this.#namespace = namespace;
    this.#engine = engine;
  }

  /** Loads the parser of `run`: at its first use, because each start would pay 9 ms for it. Undefined: it is loaded. */
  load(): Promise<void> | undefined {
    return this.#topLevelSource === undefined ? this.#load() : undefined;
  }

  async #load(): Promise<void> {
    this.#topLevelSource = (await import('../../src/util/top-level.ts')).topLevelSource;
  }

  /**
   * Runs code as a REPL does; the value of the last expression, or a promise of it where the code awaits.
   * @throws SyntaxError that names the engine and the place; Error before `load`
   */
  run(code: string): unknown {
    const rewrite = this.#topLevelSource;
    if (rewrite === undefined) throw new Error('the parser is not loaded: load() comes first');
    const source = this.#located(() => rewrite(code));
    for (const name of source.names) this.#declare(name, code);
    const script = this.#compile(source.text, -source.prefix);
    return (script.runInThisContext() as ReplFunction)(this.importNames);
  }

  /** The value of an expression: a name, a dotted name, or anything that fits in brackets. Never awaits. */
  expression(text: string): unknown {
    if (isPath(text)) return this.#namespace.get(text);
    const script = this.#expressions.get(text) ?? this.#expressions.set(text, this.#compile(`(${text}\n)`, -1));
    return script.runInThisContext();
  }

  /** The function of a source; the same object each time, so that it can hold state between calls. */
  fn(source: string): unknown {
    const known = this.#functions.get(source);
    if (known !== undefined) return known;
    const wrapper = '(__name) => (';
    const made = (this.#compile(`${wrapper}${source}\n)`, -wrapper.length).runInThisContext() as Revived)(nameShim);
    return this.#functions.set(source, made);
  }

  /** Sets globals from a module: pairs of the name to set and the export (null = the whole module). */
  readonly importNames = async (specifier: string, names: readonly (readonly [string, string | null])[]) => {
    const module = (await this.#import(specifier)) as Record<string, unknown>;
    for (const [local, exported] of names) {
      if (exported !== null && !(exported in module)) {
        throw new SyntaxError(`module '${specifier}' has no export '${exported}' (${this.#engine()})`);
      }
      this.#namespace.set(local, exported === null ? module : module[exported]);
    }
  };

  // Compiled by a Script, so that bare names resolve from the engine's working directory and not from this file's folder.
  #import(specifier: string): Promise<unknown> {
    return this.#compile(`import(${JSON.stringify(specifier)})`, 0).runInThisContext() as Promise<unknown>;
  }

  // Strict code may assign only to names that exist.
  #declare(name: string, code: string): void {
    this.#namespace.declare(name);
    if (/^\s*['"]use strict/.test(code) && !(name in globalThis)) this.#namespace.set(name, undefined);
  }

  #compile(text: string, columnOffset: number): Script {
    const options: ScriptOptions = { filename: `<${this.#engine()}>`, columnOffset };
    if (text.includes('import')) options.importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER as never;
    return this.#located(() => new Script(text, options));
  }

  #located<T extends Script | TopLevelSource>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      throw this.#syntaxError(error as Error & { loc?: { line: number; column: number } });
    }
  }

  #syntaxError(error: Error & { loc?: { line: number; column: number } }): SyntaxError {
    const message = error.message.replace(/ \(\d+:\d+\)$/, '');
    const at = error.loc === undefined ? '' : `:${error.loc.line}:${error.loc.column + 1}`;
    const located = new SyntaxError(`${message} (<${this.#engine()}>${at})`, { cause: error });
    located.stack = error.loc === undefined ? (error.stack ?? '') : `SyntaxError: ${located.message}`;
    return located;
  }
}

/** True for a name or a dotted name, false for any other expression. */
export function isPath(text: string): boolean {
  return PATH.test(text) && !KEYWORD.test(text);
}
