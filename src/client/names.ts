import { Ref } from '../protocol/values/ref.ts';
import { type Check, isPlainObject, shown } from '../util/checks.ts';

const IDENTIFIERS = /^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** Words of the language: no expression could read such a name. */
const RESERVED = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends false ' +
    'finally for function if implements import in instanceof interface let new null package private protected public ' +
    'return static super switch this throw true try typeof var void while with yield'
  ).split(' '),
);

/** A name that can be set: an identifier, or several with dots between. @throws TypeError for anything else */
export function assertName(name: unknown): asserts name is string {
  const fault = nameFault(name);
  if (fault !== undefined) throw new TypeError(fault);
}

function nameFault(name: unknown): string | undefined {
  if (typeof name !== 'string' || !IDENTIFIERS.test(name) || name.split('.').some((part) => FORBIDDEN.has(part))) {
    return `a name is an identifier such as a or a.b, not ${shown(name)}`;
  }
  const [first = ''] = name.split('.');
  return RESERVED.has(first) ? `'${first}' is a word of the language, not a name: choose another` : undefined;
}

/** A name that can be set. */
export const NAME: Check = (value, name, where) => {
  const fault = nameFault(value);
  if (fault !== undefined) throw new TypeError(`${where}: ${name}: ${fault}`);
};
/** The names and values that push takes. */
export const NAMESPACE: Check = (value) => void checkNamespace(value);
/** A name or an expression, or a list of them. */
export const NAMES: Check = (value) => void checkNames(value);

/** The names and values that push takes. @throws TypeError unless `ns` is an object of valid names */
export function checkNamespace(ns: unknown): Record<string, unknown> {
  if (!isPlainObject(ns)) {
    const remedy = ns instanceof Map ? ': Object.fromEntries(map) is one' : '';
    throw new TypeError(`push wants an object of names and values, not ${shown(ns)}${remedy}`);
  }
  for (const name of Reflect.ownKeys(ns)) assertName(name);
  return ns;
}

/** One name or expression, or a list of them. @throws TypeError for anything that is not text or a ref */
export function checkNames(names: readonly string[]): string[];
export function checkNames(names: unknown): string | string[];
export function checkNames(names: unknown): string | string[] {
  if (names instanceof Ref) return names.expression;
  if (typeof names === 'string') return names;
  if (Array.isArray(names)) return names.map(checkText);
  throw new TypeError(`names are a string or a list of strings, not ${names === null ? 'null' : typeof names}`);
}

function checkText(name: unknown): string {
  if (typeof name !== 'string') throw new TypeError(`names are strings, not ${typeof name}`);
  return name;
}
