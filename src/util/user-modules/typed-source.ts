// TypeScript that is typed in, as JavaScript: by Node's own means where it has them, else by the package typescript.
import * as nodeModule from 'node:module';
import { join } from 'node:path';
import type * as TypeScript from 'typescript';
import { findTypeScript } from './hooks.ts';
import { topLevelSource } from './top-level.ts';

/** Takes the types out of a piece of TypeScript. @throws TypeScriptError */
export type TypeStripper = (code: string) => string;

/** Text that a reader of TypeScript refuses. */
export class TypeScriptError extends SyntaxError {
  /** More lines could make it TypeScript. */
  readonly isUnfinished: boolean;

  constructor(message: string, isUnfinished: boolean) {
    super(message);
    this.name = 'SyntaxError';
    this.isUnfinished = isUnfinished;
  }
}

type Strip = (code: string, options: { readonly mode: 'strip' | 'transform' }) => string;

/** How Node's parser says that the text ends too early. */
const AT_END = /Unexpected eof|got '<eof>'/;
/** It may say the same of text that ends within brackets. */
const NO_EXPRESSION = /Expression expected|Expected ident/;

/** By `strip` of node:module; `compiler` takes what has to be rewritten, such as enums, where Node does not. */
export function nodeStripper(strip: Strip, compiler: () => TypeStripper | undefined): TypeStripper {
  return (code) => {
    try {
      return silently(() => strip(code, { mode: 'strip' }));
    } catch (error) {
      const { code: kind, message } = error as NodeJS.ErrnoException;
      if (kind === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') return rewritten(code, message, strip, compiler);
      throw new TypeScriptError(message, AT_END.test(message) || NO_EXPRESSION.test(message));
    }
  };
}

function rewritten(code: string, message: string, strip: Strip, compiler: () => TypeStripper | undefined): string {
  const compile = compiler();
  if (compile !== undefined) return compile(code);
  try {
    return silently(() => strip(code, { mode: 'transform' }));
  } catch {
    throw new TypeScriptError(message, false);
  }
}

// Node warns once that its function is new; who types a line has not asked for it.
function silently<T>(run: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return run();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** The parts of the compiler that are used here. */
type Compiler = Pick<
  typeof TypeScript,
  'ModuleKind' | 'ScriptTarget' | 'transpileModule' | 'flattenDiagnosticMessageText'
>;

/** By the compiler of the package typescript. */
export function compilerStripper(ts: Compiler): TypeStripper {
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    verbatimModuleSyntax: true,
  };
  return (code) => {
    const { outputText, diagnostics = [] } = ts.transpileModule(code, { compilerOptions, reportDiagnostics: true });
    const [first] = diagnostics;
    // The compiler takes it for a file of its own.
    if (first === undefined) return outputText.replace(/^"use strict";\n|^export \{\};?\s*$/gm, '');
    const message = ts.flattenDiagnosticMessageText(first.messageText, '\n');
    throw new TypeScriptError(message, (first.start ?? 0) >= code.trimEnd().length);
  };
}

let known: { readonly strip: TypeStripper | undefined } | undefined;

/** The way to take types out in this process; undefined where there is none. */
export function typeStripper(): TypeStripper | undefined {
  known ??= { strip: found() };
  return known.strip;
}

function found(): TypeStripper | undefined {
  const { stripTypeScriptTypes: strip } = nodeModule as { readonly stripTypeScriptTypes?: Strip };
  return strip === undefined ? compiler() : nodeStripper(strip, compiler);
}

function compiler(): TypeStripper | undefined {
  const here = join(process.cwd(), 'x.js');
  const path = findTypeScript(here);
  return path === null ? undefined : compilerStripper(nodeModule.createRequire(here)(path) as typeof TypeScript);
}

/** `pull<number>('a')`: JavaScript would compare. */
const TYPE_ARGUMENTS = /[\w$]\s*<[^<>;]*(?:<[^<>;]*>[^<>;]*)*>\s*\(/;
/** Text that only TypeScript has. */
const TYPED =
  /^\s*(?:interface|type|enum|namespace|declare|abstract)\s+\w|[\w\])?]\s*:\s*[\w{[(]|\b(?:as|satisfies)\s+\w/m;

/**
 * JavaScript for what was typed: JavaScript as it is, TypeScript without its types. Text that is neither is given as it
 * is: who runs it says what is wrong.
 * @throws SyntaxError for TypeScript that is wrong, or that nothing here can read
 */
export function javaScriptOf(code: string, find: () => TypeStripper | undefined = typeStripper): string {
  const isJavaScript = parses(code);
  if (isJavaScript && !TYPE_ARGUMENTS.test(code)) return code;
  const strip = find();
  if (strip === undefined) {
    if (isJavaScript || !TYPED.test(code)) return code;
    throw new TypeScriptError(
      `this looks like TypeScript, which Node ${process.versions.node} reads only with the package typescript: ` +
        'npm install typescript, or use Node 22.18 or newer',
      false,
    );
  }
  try {
    return strip(code);
  } catch (error) {
    if (isJavaScript || !TYPED.test(code)) return code;
    throw error;
  }
}

function parses(code: string): boolean {
  try {
    topLevelSource(code);
    return true;
  } catch {
    return false;
  }
}
