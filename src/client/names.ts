import { Ref } from '../protocol/values/ref.ts';

const NAME = /^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** A name that can be set: an identifier, or several with dots between. @throws TypeError for anything else */
export function assertName(name: unknown): asserts name is string {
  if (typeof name !== 'string' || !NAME.test(name) || name.split('.').some((part) => FORBIDDEN.has(part))) {
    throw new TypeError(`a name is an identifier such as a or a.b, not ${JSON.stringify(name) ?? String(name)}`);
  }
}

/** The names and values that push takes. @throws TypeError unless `ns` is an object of valid names */
export function checkNamespace(ns: unknown): Record<string, unknown> {
  if (typeof ns !== 'object' || ns === null || Array.isArray(ns) || ArrayBuffer.isView(ns)) {
    throw new TypeError(`push wants an object of names and values, not ${Array.isArray(ns) ? 'an array' : typeof ns}`);
  }
  for (const name of Object.keys(ns)) assertName(name);
  return ns as Record<string, unknown>;
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
