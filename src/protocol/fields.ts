// Readers of untrusted JSON: each checks one value and returns a fresh copy, or says which field is wrong.
import { ProtocolError } from '../errors.ts';

/** Reads `value`; `where` is its path, for the error. */
export type Field<T> = (value: unknown, where: string) => T;

type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

function wrong(where: string, wanted: string, value: unknown): ProtocolError {
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
  return new ProtocolError(`${where} must be ${wanted}, not ${got}`);
}

export const text: Field<string> = (value, where) => {
  if (typeof value !== 'string') throw wrong(where, 'text', value);
  return value;
};

export const num: Field<number> = (value, where) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(where, 'a number', value);
  return value;
};

/** A whole number ≥ 0. */
export const whole: Field<number> = (value, where) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(where, 'a whole number ≥ 0', value);
  return value as number;
};

export const flag: Field<boolean> = (value, where) => {
  if (typeof value !== 'boolean') throw wrong(where, 'true or false', value);
  return value;
};

/** Parsed JSON as it is. */
export const json: Field<unknown> = (value) => value;

export function oneOf<T extends string>(...words: readonly T[]): Field<T> {
  return (value, where) => {
    if (!words.includes(value as T)) throw new ProtocolError(`${where} must be one of ${words}, not ${String(value)}`);
    return value as T;
  };
}

export function orNull<T>(field: Field<T>): Field<T | null> {
  return (value, where) => (value === null ? null : field(value, where));
}

const ABSENT = Symbol('absent');

/** A field that may be missing; it is then missing in the copy too. */
export function optional<T>(field: Field<T>): Field<T> {
  return (value, where) => (value === undefined ? (ABSENT as never) : field(value, where));
}

export function list<T>(field: Field<T>): Field<readonly T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) throw wrong(where, 'a list', value);
    return value.map((item, i) => field(item, `${where}[${i}]`));
  };
}

export function record<T>(field: Field<T>): Field<Readonly<Record<string, T>>> {
  return (value, where) => {
    const entries = Object.entries(asObject(value, where));
    return Object.fromEntries(entries.map(([key, item]) => [key, field(item, `${where}.${key}`)]));
  };
}

export function asObject(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(where, 'an object', value);
  return value as Record<string, unknown>;
}

/** An object with exactly these fields; others are dropped. */
export function object<T>(fields: Fields<T>): Field<T> {
  const entries = Object.entries(fields) as [string, Field<unknown>][];
  return (value, where) => {
    const from = asObject(value, where);
    const copy: Record<string, unknown> = {};
    for (const [key, field] of entries) {
      const item = field(Object.hasOwn(from, key) ? from[key] : undefined, `${where}.${key}`);
      if (item !== ABSENT) copy[key] = item;
    }
    return copy as T;
  };
}

type Tagged<Tag extends string> = { readonly [K in Tag]: string };
type Variants<T extends Tagged<Tag>, Tag extends string> = {
  readonly [K in T[Tag]]: Field<Extract<T, { readonly [P in Tag]: K }>>;
};

/** One of several objects, told apart by the text in field `tag`. */
export function union<T extends Tagged<Tag>, Tag extends string>(tag: Tag, variants: Variants<T, Tag>): Field<T> {
  return (value, where) => {
    const kind = asObject(value, where)[tag];
    if (typeof kind !== 'string' || !Object.hasOwn(variants, kind)) {
      throw new ProtocolError(`${where}.${tag} is unknown: ${JSON.stringify(kind)?.slice(0, 100)}`);
    }
    return (variants as unknown as Record<string, Field<T>>)[kind]!(value, where);
  };
}
