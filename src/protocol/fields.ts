// Readers of untrusted JSON. Each reader checks one value and returns a fresh copy, or says which field is wrong. The
// types of messages are inferred from their readers, so that a field is written once.
import { ProtocolError } from '../errors.ts';

/** Reads `value`; `where` is the path of the value, for the error. @throws ProtocolError */
export type Reader<T> = (value: unknown, where: string) => T;

/** The type of what a reader returns: `type Reply = Infer<typeof reply>`. */
export type Infer<F> = F extends (value: unknown, where: string) => infer T ? T : never;

/** Reads a field that may be missing; it is then missing in the copy too. */
export interface OptionalReader<T> {
  (value: unknown, where: string): T | undefined;
  readonly optional: true;
}

/** The readers of an object's fields, by name. */
export type Readers = { readonly [field: string]: Reader<unknown> };

/** The object that these readers make. The docstrings of the readers are those of its fields. */
export type ObjectOf<F extends Readers> = Flat<
  { readonly [K in keyof F as F[K] extends OptionalReader<unknown> ? never : K]: Infer<F[K]> } & {
    readonly [K in keyof F as F[K] extends OptionalReader<unknown> ? K : never]?: Infer<F[K]>;
  }
>;

// One object type, as editors show it, instead of an intersection.
type Flat<T> = T extends infer O ? { [K in keyof O]: O[K] } : never;

function wrong(where: string, wanted: string, value: unknown): ProtocolError {
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value;
  return new ProtocolError(`${where} must be ${wanted}, not ${got}`);
}

/** Any string. */
export const text: Reader<string> = (value, where) => {
  if (typeof value !== 'string') throw wrong(where, 'text', value);
  return value;
};

const MAX_NAME = 256;

/** A name that is remembered or looked up, such as an id: at most 256 characters. */
export const name: Reader<string> = (value, where) => {
  const read = text(value, where);
  if (read.length > MAX_NAME) throw new ProtocolError(`${where} has ${read.length} characters, over ${MAX_NAME}`);
  return read;
};

const MAX_LINE = 500;

/** A line of text that is shown: control characters, which terminals obey, become spaces, and 500 characters are enough. */
export const line: Reader<string> = (value, where) =>
  text(value, where)
    .slice(0, MAX_LINE)
    .replace(/\p{Cc}/gu, ' ');

/** A finite number. */
export const num: Reader<number> = (value, where) => {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw wrong(where, 'a number', value);
  return value;
};

/** A whole number ≥ 0, at most 2⁵³ − 1. */
export const whole: Reader<number> = (value, where) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw wrong(where, 'a whole number ≥ 0', value);
  return value as number;
};

/** A whole number ≥ 1, at most 2⁵³ − 1. */
export const positive: Reader<number> = (value, where) => {
  if (!Number.isSafeInteger(value) || (value as number) < 1) throw wrong(where, 'a whole number ≥ 1', value);
  return value as number;
};

/** A boolean. */
export const flag: Reader<boolean> = (value, where) => {
  if (typeof value !== 'boolean') throw wrong(where, 'true or false', value);
  return value;
};

/** Parsed JSON, unchanged. */
export const json: Reader<unknown> = (value) => value;

/** No value: for replies that say only that something was done. */
export const nothing: Reader<undefined> = (value, where) => {
  if (value !== undefined) throw wrong(where, 'absent', value);
  return undefined;
};

/** One of these words. */
export function oneOf<const T extends string>(...words: readonly T[]): Reader<T> {
  return (value, where) => {
    if (!words.includes(value as T)) throw new ProtocolError(`${where} must be one of ${words}, not ${String(value)}`);
    return value as T;
  };
}

/** Accepts null too. */
export function orNull<T>(field: Reader<T>): Reader<T | null> {
  return (value, where) => (value === null ? null : field(value, where));
}

/** Accepts a field that is missing. */
export function optional<T>(field: Reader<T>): OptionalReader<T> {
  const read: Reader<T | undefined> = (value, where) => (value === undefined ? undefined : field(value, where));
  return Object.assign(read, { optional: true as const });
}

/** A list; `field` reads its items. */
export function list<T>(field: Reader<T>): Reader<readonly T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) throw wrong(where, 'a list', value);
    return value.map((item, i) => field(item, `${where}[${i}]`));
  };
}

/** An object with any keys; `field` reads its values. */
export function record<T>(field: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, where) => {
    const entries = Object.entries(asObject(value, where));
    return Object.fromEntries(entries.map(([key, item]) => [key, field(item, `${where}.${key}`)]));
  };
}

/** An object, unchanged; a list is refused. */
export function asObject(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(where, 'an object', value);
  return value as Record<string, unknown>;
}

/** An object with exactly these fields; others are dropped. */
export function object<F extends Readers>(fields: F): Reader<ObjectOf<F>> {
  const pathsIn = (where: string) =>
    Object.entries(fields).map(([key, read]) => ({ key, read, path: `${where}.${key}` }));
  // Kept from value to value: an object of a header has the same path in every message.
  let at = '';
  let known = pathsIn(at);
  return (value, where) => {
    const from = asObject(value, where);
    if (where !== at) {
      known = pathsIn(where);
      at = where;
    }
    const copy: Record<string, unknown> = {};
    for (const { key, read, path } of known) {
      const item = read(Object.hasOwn(from, key) ? from[key] : undefined, path);
      if (item !== undefined) copy[key] = item;
    }
    return copy as ObjectOf<F>;
  };
}

/** One of several kinds of objects, told apart by the text in the field `tag`. */
export interface Union<T> {
  (value: unknown, where: string): T;
  readonly tag: string;
  /** The reader of each kind. */
  readonly kinds: ReadonlyMap<string, Reader<T>>;
}

/** The objects of a table of kinds; each has its key in the field `Tag`. */
export type UnionOf<Tag extends string, Table extends Readonly<Record<string, Readers>>> = {
  [K in keyof Table & string]: ObjectOf<{ readonly [T in Tag]: Reader<K> } & Table[K]>;
}[keyof Table & string];

/** Reads one of several kinds: `union('do', { stop: {}, add: { n: whole } })`. */
export function union<Tag extends string, Table extends Readonly<Record<string, Readers>>>(
  tag: Tag,
  table: Table,
): Union<UnionOf<Tag, Table>> {
  type T = UnionOf<Tag, Table>;
  // The union has read the tag already.
  const kinds = Object.entries(table).map(([kind, fields]) => {
    const read = object({ [tag]: () => kind, ...fields });
    return [kind, read as Reader<unknown> as Reader<T>] as const;
  });
  return unionOf(tag, new Map(kinds));
}

/** Reads the kinds of all these unions. They have the same tag; a kind that is in two of them is the same in both. */
export function anyOf<const U extends readonly Union<unknown>[]>(tag: string, ...unions: U): Union<Infer<U[number]>> {
  type T = Infer<U[number]>;
  return unionOf(tag, new Map(unions.flatMap(({ kinds }) => [...kinds] as [string, Reader<T>][])));
}

function unionOf<T>(tag: string, kinds: ReadonlyMap<string, Reader<T>>): Union<T> {
  const read: Reader<T> = (value, where) => {
    const kind = asObject(value, where)[tag];
    const field = typeof kind === 'string' ? kinds.get(kind) : undefined;
    if (field !== undefined) return field(value, where);
    throw new ProtocolError(`${where}.${tag} is unknown: ${JSON.stringify(kind)?.slice(0, 100)}`);
  };
  return Object.assign(read, { tag, kinds });
}
