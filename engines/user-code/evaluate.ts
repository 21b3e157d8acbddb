import { constants, Script, type ScriptOptions } from 'node:vm';
import { type AnyFunction, isSloppySource } from '../../src/protocol/values/functions.ts';
import type { topLevelSource } from '../../src/util/user-modules/top-level.ts';
import { boundMethod } from './bound-method.ts';
import { helpersIn } from './compilers/helpers.ts';
import { SourceTexts } from './errors/source-texts.ts';
import { UserErrors } from './errors/user-errors.ts';
import type { UserNamespace } from './namespace.ts';
import { CompiledTexts, isKept } from './shadows.ts';
import { importingScript, withoutStartFolder } from './start-folder.ts';

const MAX_CACHED = 1000;
const PATH = /^[\p{ID_Start}$_][\p{ID_Continue}$]*(\.[\p{ID_Start}$_][\p{ID_Continue}$]*)*$/u;
const KEYWORD = /^(this|null|true|false|undefined|NaN|Infinity|globalThis)\b/;
/** `object.name` or `object[key]`. */
const MEMBER = /^(.+?)\s*(?:\.\s*([\p{ID_Start}$_][\p{ID_Continue}$]*)|\[([^[\]]*)\])$/su;
const KEPT_NAMES = { has: isKept };

/** Evaluates a compiled text; each time anew. */
type Compiled = () => unknown;
type Scoped = (scope: object) => unknown;
type Maker = (...helpers: unknown[]) => unknown;
type ReplFunction = (importNames: typeof Evaluator.prototype.importNames, scope: object) => unknown;

/** Evaluates source text and functions of users in the engine's globalThis. It caches what it compiled. */
export class Evaluator {
  /** Makes errors of the code that it runs fit to travel. */
  readonly errors: UserErrors;
  readonly #sources = new SourceTexts();
  readonly #namespace: UserNamespace;
  readonly #engine: () => string;
  readonly #functions: CompiledTexts<unknown>;
  readonly #expressions: CompiledTexts<Compiled>;
  #topLevelSource: typeof topLevelSource | undefined;

  /** `engine` gives the engine's name for stacks and messages: `engine 2`. */
  constructor(namespace: UserNamespace, engine: () => string) {
    this.#namespace = namespace;
    this.#engine = engine;
    this.errors = new UserErrors(this.#sources, engine);
    const { shadows } = namespace;
    this.#functions = new CompiledTexts(shadows, MAX_CACHED, (source) => this.#make(source));
    this.#expressions = new CompiledTexts(shadows, MAX_CACHED, (text) => this.#compile(`(${text}\n)`, -1));
  }

  /** Loads the parser of `run`: at its first use, because each start would pay 9 ms for it. Undefined: it is loaded. */
  load(): Promise<void> | undefined {
    return this.#topLevelSource === undefined ? this.#load() : undefined;
  }

  async #load(): Promise<void> {
    this.#topLevelSource = (await import('../../src/util/user-modules/top-level.ts')).topLevelSource;
  }

  /**
   * Runs code as a REPL does; the value of the last expression, or a promise of it where the code awaits.
   * @throws SyntaxError that names the engine and the place; Error before `load`
   */
  run(code: string): unknown {
    const rewrite = this.#topLevelSource;
    if (rewrite === undefined) throw new Error('the parser is not loaded: load() comes first');
    const source = this.#located(() => rewrite(code, KEPT_NAMES));
    for (const name of source.names) this.#declare(name, code);
    const run = this.#compile(source.text, -source.prefix)() as ReplFunction;
    return run(this.importNames, this.#namespace.shadows.scope);
  }

  /** The value of an expression: a name, a dotted name, or anything that fits in brackets. Never awaits. */
  expression(text: string): unknown {
    if (isPath(text)) return this.#namespace.get(text);
    return this.#run(text);
  }

  /** The same for the engine itself: user code does not get the value of a name. */
  peek(text: string): unknown {
    if (isPath(text)) return this.#namespace.peek(text);
    return this.#run(text);
  }

  #run(text: string): unknown {
    return this.#expressions.get(text)();
  }

  /**
   * The value of a reference. A method keeps the object that it was read from: `ref('m.step')` is called as `m.step()`.
   * @throws what the expression throws
   */
  reference(text: string): unknown {
    const value = this.expression(text);
    // An expression with calls is not evaluated a second time.
    const member = typeof value === 'function' && !text.includes('(') ? MEMBER.exec(text.trim()) : null;
    if (member === null) return value;
    const [, object = '', name, key = ''] = member;
    const owner: unknown = this.expression(object);
    const isMethod = Reflect.get(Object(owner), (name ?? this.expression(key)) as PropertyKey) === value;
    return isMethod ? boundMethod(owner, value as AnyFunction) : value;
  }

  /** The function of a source; the same object each time, so that it can hold state between calls. */
  fn(source: string): unknown {
    return this.#functions.get(source);
  }

  /** The same, evaluated anew: a class whose parent has changed. */
  fresh(source: string): unknown {
    return this.#make(source);
  }

  /** A module, found from the folder of the engine's start. */
  module(specifier: string): Promise<unknown> {
    return this.#import(specifier);
  }

  // Strict, as modules and classes are. A function that is known to be sloppy, or does not parse as strict code, stays sloppy.
  #make(source: string): unknown {
    const helpers = helpersIn(source, this.#import);
    const make = isSloppySource(source) ? this.#maker(source, helpers, '') : this.#strictMaker(source, helpers);
    return make(...helpers.values());
  }

  #strictMaker(source: string, helpers: ReadonlyMap<string, unknown>): Maker {
    try {
      return this.#maker(source, helpers, "'use strict'; ");
    } catch (error) {
      try {
        return this.#maker(source, helpers, '');
      } catch {
        throw error;
      }
    }
  }

  // A function and not an arrow: `this` of the user's arrow functions is undefined, as in a module.
  #maker(source: string, helpers: ReadonlyMap<string, unknown>, directive: string): Maker {
    const before = `(function (${[...helpers.keys()].join(', ')}) { ${directive}return (`;
    return this.#compile(`${before}${source}\n)})`, -before.length)() as Maker;
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

  // Compiled by a Script, so that bare names resolve from the folder of the engine's start and not from this file's.
  readonly #import = (specifier: string): Promise<unknown> =>
    this.#compile(`import(${JSON.stringify(specifier)})`, 0)() as Promise<unknown>;

  // Strict code may assign only to names that exist.
  #declare(name: string, code: string): void {
    this.#namespace.declare(name);
    if (/^\s*['"]use strict/.test(code) && !(name in globalThis)) this.#namespace.set(name, undefined);
  }

  #compile(text: string, columnOffset: number): Compiled {
    const { shadows } = this.#namespace;
    if (!shadows.concern(text)) return this.#script(text, columnOffset);
    const before = '(scope) => { with (scope) return ';
    const scoped = this.#script(`${before}${text}\n}`, columnOffset - before.length);
    return () => (scoped() as Scoped)(shadows.scope);
  }

  #script(text: string, columnOffset: number): Compiled {
    const options: ScriptOptions = { filename: `<${this.#engine()}>`, columnOffset };
    if (text.includes('import')) {
      options.filename = importingScript(this.#engine());
      options.importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER as never;
    }
    this.#sources.remember(text, -columnOffset);
    const script = this.#located(() => new Script(text, options));
    return () => script.runInThisContext();
  }

  #located<T>(parse: () => T): T {
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
    located.stack = error.loc === undefined ? withoutStartFolder(error.stack ?? '') : `SyntaxError: ${located.message}`;
    return located;
  }
}

/** True for a name or a dotted name, false for any other expression. */
export function isPath(text: string): boolean {
  return PATH.test(text) && !KEYWORD.test(text);
}
