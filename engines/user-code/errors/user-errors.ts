import { shortText } from '../../../src/protocol/values/bounded-copy.ts';
import { toWireError, type WireError } from '../../../src/protocol/values/wire-error.ts';
import { userFrames } from '../user-frames.ts';
import { remedyOf } from './missing-name.ts';
import { excerptOf, type RanText, type ScriptPlace, type SourceTexts } from './source-texts.ts';

/** The folder of this library's modules as stack frames print it: `engines/`, `src/` and `kernels/` lie in it. */
const LIBRARY = new URL('../../../', import.meta.url).href;
const FRAME = /\n {4}at /;
/** The name of a script that has no file of its own. */
const ENGINE = /<engine -?\d+>$/;
/** The place at the end of a frame, or in the message of a syntax error. */
const PLACE = /\(?(<engine -?\d+>|file:\/\/[^\s()]+?):(\d+):(\d+)\)?$/;

/** How stacks were formatted when the engine started: a user may have set a way of his own since. */
const { prepareStackTrace: FORMAT } = Error;

/** The arguments of a task that are user code. */
export interface UserCode {
  /** The function of an `apply` or a `map`: it travels without its closure. */
  readonly fn?: unknown;
  /** The source text of an `execute`. */
  readonly code?: unknown;
}

/** Errors of user code as they travel: the user's frames alone, the line that failed, and a remedy for missing names. */
export class UserErrors {
  readonly #sources: SourceTexts;
  readonly #engine: () => string;
  /** A reason for a missing name that the client has told. */
  explain: (name: string) => string | undefined = () => undefined;

  /** `engine` gives the engine's name for messages: `engine 2`. */
  constructor(sources: SourceTexts, engine: () => string) {
    this.#sources = sources;
    this.#engine = engine;
  }

  /** The error of whatever user code threw. Never throws. */
  wireError(thrown: unknown, ran: UserCode): WireError {
    let place: ScriptPlace | undefined;
    const wire = toWireError(thrown, (error) => {
      const { stack, failed } = this.#read(error, ran);
      if (error === thrown) place = failed;
      return stack;
    });
    const missing =
      wire.name === 'ReferenceError' ? /^(\S+) is not defined(?: on engine -?\d+)?$/.exec(wire.message) : null;
    if (missing === null) return isOfParser(thrown) ? { ...wire, cause: undefined } : wire;
    const [, name = ''] = missing;
    const texts = textsOf(ran);
    const isAssigned = this.#sources.assigns(name, place, texts);
    const told = isAssigned ? undefined : this.explain(name);
    const remedy = told ?? remedyOf(name, ran.fn === undefined ? 'code' : 'function', { source: texts.fn, isAssigned });
    const message = `${name} is not defined on ${this.#engine()}${remedy === undefined ? '' : `: ${remedy}`}`;
    return { ...wire, message, stack: wire.stack.replace(wire.message, () => message) };
  }

  #read(error: Error, userCode: UserCode): { readonly stack: string; readonly failed: ScriptPlace | undefined } {
    const places = placesOf(error);
    const stack = withoutOurs(userFrames(shortText(error.stack ?? '')));
    const ran = textsOf(userCode);
    const failed = firstOfUsers(places ?? framesOf(stack));
    const excerpt = (failed && this.#sources.excerpt(failed, ran)) ?? syntaxExcerpt(error, ran);
    return { stack: excerpt === undefined ? stack : withExcerpt(stack, shortText(error.message), excerpt), failed };
  }
}

// The message may hold lines that look like frames.
function withExcerpt(stack: string, message: string, excerpt: string): string {
  const head = stack.indexOf(message) + message.length;
  const frames = stack.slice(head).search(FRAME);
  const at = frames < 0 ? stack.length : head + frames;
  return `${stack.slice(0, at)}\n${excerpt}${stack.slice(at)}`;
}

function textsOf({ fn, code }: UserCode): RanText {
  return {
    fn: typeof fn === 'function' ? String(fn) : undefined,
    code: typeof code === 'string' ? code : undefined,
  };
}

function firstOfUsers(places: readonly ScriptPlace[]): ScriptPlace | undefined {
  const place = places.find(isUsers);
  const isOnly = places.filter(({ file }) => ENGINE.test(file)).length === 1;
  return place && { ...place, isOnly };
}

function isUsers({ file }: ScriptPlace): boolean {
  return ENGINE.test(file) || (file.startsWith('file:') && !file.includes('/node_modules/') && !isOurs(file));
}

function isOurs(text: string): boolean {
  return ['engines/', 'src/', 'kernels/'].some((folder) => text.includes(LIBRARY + folder));
}

function withoutOurs(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => !/^\s+at /.test(line) || !isOurs(line))
    .join('\n');
}

function framesOf(stack: string): ScriptPlace[] {
  return stack.split('\n').flatMap((line) => {
    const [, file, row, column] = (/^\s+at /.test(line) && PLACE.exec(line)) || [];
    return file === undefined ? [] : [{ file, line: Number(row), column: Number(column) }];
  });
}

// Its frames are those of the parser, not the user's. A thrown proxy may throw at any question.
function isOfParser(thrown: unknown): boolean {
  try {
    return thrown instanceof SyntaxError && thrown.cause instanceof SyntaxError && 'raisedAt' in thrown.cause;
  } catch {
    return false;
  }
}

// The parser gives no frames: the place stands in the message.
function syntaxExcerpt(error: Error, { code }: RanText): string | undefined {
  const [, , row, column] = (error.name === 'SyntaxError' && PLACE.exec(shortText(error.message))) || [];
  const line = code?.split('\n')[Number(row) - 1];
  return line === undefined ? undefined : excerptOf(line, Number(row), Number(column));
}

/**
 * The places of an error's frames, with the hashes of their scripts, which the text of a stack does not have. Undefined
 * where the stack has been formatted before: V8 formats it once, when somebody first looks at it.
 */
function placesOf(error: Error): ScriptPlace[] | undefined {
  let places: ScriptPlace[] | undefined;
  // With source maps, Node formats stacks in a way of its own.
  if (Error.prepareStackTrace !== FORMAT || process.execArgv.includes('--enable-source-maps')) return undefined;
  Error.prepareStackTrace = (made, sites) => {
    places = sites.map((site) => ({
      file: site.getFileName() ?? '',
      line: site.getLineNumber() ?? 0,
      column: site.getColumnNumber() ?? 0,
      hash: site.getScriptHash(),
    }));
    return [headOf(made), ...sites.map((site) => `    at ${site}`)].join('\n');
  };
  try {
    void error.stack;
  } finally {
    Error.prepareStackTrace = FORMAT;
  }
  return places;
}

// As Node does: the errors that it throws itself show their code.
function headOf(error: Error): string {
  const { code } = error as { readonly code?: unknown };
  const head = Error.prototype.toString.call(error);
  const isNodes = typeof code === 'string' && code.startsWith('ERR_') && head.startsWith(`${error.name}: `);
  return isNodes ? `${error.name} [${code}]${head.slice(error.name.length)}` : head;
}
