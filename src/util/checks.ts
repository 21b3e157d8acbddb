/** Checks one value: an option or an argument. `name` names it, `where` the function. @throws TypeError, RangeError */
export type Check = (value: unknown, name: string, where: string) => void;

/** A check for each option of `T`: an option without one does not compile. */
export type Rules<T> = { readonly [K in keyof T]-?: Check };

type Predicate = (value: unknown) => boolean;

/** A check that `holds`. `wants` completes "timeout is …". @throws TypeError */
export function must(wants: string, holds: Predicate): Check {
  return (value, name, where) => {
    if (!holds(value)) throw new TypeError(sentence(where, name, wants, value));
  };
}

/** As `must`, with a RangeError for a value of the right kind that does not hold. */
export function ranged(wants: string, isKind: Predicate, holds: Predicate): Check {
  return (value, name, where) => {
    if (!isKind(value)) throw new TypeError(sentence(where, name, wants, value));
    if (!holds(value)) throw new RangeError(sentence(where, name, wants, value));
  };
}

function sentence(where: string, name: string, wants: string, value: unknown): string {
  return `${where}: ${name} is ${wants}, not ${shown(value)}`;
}

const SHOWN = 40;

/** A value in a message: short texts and numbers as they are, other values by their kind. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value.length > SHOWN ? `'${value.slice(0, SHOWN)}…'` : `'${value}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return 'an array';
  const kind: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
  if (typeof kind !== 'string' || kind === '' || kind === 'Object') return 'an object';
  return `${/^[AEIOU]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

const isNumber: Predicate = (value) => typeof value === 'number';
const isText: Predicate = (value) => typeof value === 'string';

/** Is it an object literal, of whatever realm? Maps, arrays and instances of classes are not. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The prototype of all objects has none itself; that of an array's or a Map's class has one.
  return prototype === null || (Object.getPrototypeOf(prototype) === null && !Array.isArray(value));
}

/** Can it hold options? Object literals can, and instances of classes by their own fields. */
function holdsOptions(value: unknown): value is Record<string, unknown> {
  if (isPlainObject(value)) return true;
  if (Object.prototype.toString.call(value) !== '[object Object]' || Array.isArray(value)) return false;
  return Object.keys(value as object).length > 0;
}

/** Any value. */
export const ANYTHING: Check = () => {};
/** A switch. */
export const FLAG: Check = must('true or false', (value) => typeof value === 'boolean');
/** A text. */
export const TEXT: Check = must('a string', isText);
/** A text that is not empty. */
export const WORD: Check = must('a string that is not empty', (value) => isText(value) && value !== '');
/** The name of a call: it travels in a header, which has a limit. */
export const LABEL: Check = (value, name, where) => {
  WORD(value, name, where);
  SHORT(value, name, where);
};
const SHORT = ranged('a string of at most 1000 characters', isText, (value) => String(value).length <= 1000);
/** A number other than NaN and ±Infinity. */
export const FINITE: Check = must('a number', Number.isFinite);
/** A duration; 0 does not wait, Infinity sets no limit. */
export const DURATION: Check = must('milliseconds ≥ 0', (value) => isNumber(value) && (value as number) >= 0);
/** A duration that 0 makes no sense for. */
export const TIME_TO_RUN: Check = must(
  'milliseconds > 0 (no limit: Infinity)',
  (value) => isNumber(value) && (value as number) > 0,
);
/** How long to wait; a negative number, as upstream, and Infinity set no limit. */
export const WAIT: Check = must('milliseconds', (value) => isNumber(value) && !Number.isNaN(value));
/** A signal to give up. */
export const SIGNAL: Check = must('an AbortSignal', (value) => value instanceof AbortSignal);
/** A function. */
export const FUNCTION: Check = must('a function', (value) => typeof value === 'function');
/** A list of texts. */
export const TEXTS: Check = must('a list of strings', (value) => Array.isArray(value) && value.every(isText));
/** Something to write text to. */
export const SINK: Check = must(
  'an object with write(text), such as process.stderr',
  (value) => typeof (value as { write?: unknown } | null)?.write === 'function',
);

/** A whole number ≥ `least`. */
export function count(least = 0): Check {
  const isCount: Predicate = (value) => Number.isSafeInteger(value) && (value as number) >= least;
  return must(`a whole number ≥ ${least}`, isCount);
}

/** A value that `check` takes, or one of these words. */
export function orWord(check: Check, ...words: readonly unknown[]): Check {
  return (value, name, where) => {
    if (!words.includes(value)) check(value, name, where);
  };
}

/** One of these words. */
export function oneOf(...words: readonly string[]): Check {
  return must(words.map((word) => `'${word}'`).join(' or '), (value) => isText(value) && words.includes(String(value)));
}

/** As `oneOf`, with a RangeError for another word. */
export function wordOf(...words: readonly string[]): Check {
  const isOne: Predicate = (value) => words.includes(String(value));
  const shownWords = words.map((word) => `'${word}'`);
  return ranged(words.length < 3 ? shownWords.join(' or ') : `one of ${shownWords.join(', ')}`, isText, isOne);
}

/** An object with these options alone. `isOther` tells what may stand in its place, or throws for what may not. */
export function optionsOf<T>(rules: Rules<T>, isOther?: (value: unknown, where: string) => boolean): Check {
  const check: Check = (value, name, where) => {
    if (isOther?.(value, where)) return;
    if (!holdsOptions(value)) throw new TypeError(sentence(where, name, exampleOf(rules), value));
    checkOptions(value as T & object, rules, name === 'options' ? where : `${where} ${name}`);
  };
  rulesOfChecks.set(check, rules);
  return check;
}

const rulesOfChecks = new WeakMap<Check, object>();

/** The options that a check of `optionsOf` knows, by name; undefined for another check. */
export function rulesOf(check: Check): Readonly<Record<string, Check>> | undefined {
  return rulesOfChecks.get(check) as Readonly<Record<string, Check>> | undefined;
}

function exampleOf(rules: object): string {
  return `an object such as { ${Object.keys(rules)[0] ?? ''}: … }`;
}

/**
 * The options as given, checked: a misspelt one must not be silent. Undefined stands for absent. `where` names the
 * function, `noun` what its options are called.
 * @throws TypeError naming an unknown option and the one that may be meant, or an option of the wrong kind; RangeError
 */
export function checkOptions<T extends object>(given: T, rules: Rules<T>, where: string, noun = 'option'): T {
  if (!holdsOptions(given)) throw new TypeError(sentence(where, 'options', exampleOf(rules), given));
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(rules, key)) throw unknownOption(key, Object.keys(rules), `${where}: unknown ${noun}`);
    const value = given[key];
    if (value !== undefined) rules[key as keyof T](value, key, where);
  }
  return given;
}

function unknownOption(key: string, known: readonly string[], start: string): TypeError {
  const meant = closest(key, known);
  const hint = meant === undefined ? '' : ` (did you mean '${meant}'?)`;
  return new TypeError(`${start} '${key}'${hint}: one of ${known.join(', ')}`);
}

/** The word that was probably meant; undefined if none is near. */
export function closest(word: string, known: readonly string[]): string | undefined {
  const far = Math.max(1, Math.floor(word.length / 3));
  const ranked = known.map((name) => ({ name, edits: editsBetween(word.toLowerCase(), name.toLowerCase()) }));
  const best = ranked.reduce((a, b) => (b.edits < a.edits ? b : a), { name: '', edits: far + 1 });
  return best.edits <= far ? best.name : undefined;
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment distance). */
function editsBetween(a: string, b: string): number {
  let [before, row] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? before[j - 2] : undefined;
      next[j] = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + same);
      if (swap !== undefined) next[j] = Math.min(next[j] as number, swap + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length] as number;
}
