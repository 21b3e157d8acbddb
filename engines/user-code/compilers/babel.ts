// The helpers of Babel and of swc, from the packages of both: `_asyncToGenerator`, `_async_to_generator`.
import { createRequire } from 'node:module';

type Call = (...args: unknown[]) => unknown;

const load = createRequire(import.meta.url);
const known = new Map<string, unknown>();

/** A helper of Babel or swc by its name in compiled code, numbered or not. Undefined for any other name. */
export function babelHelper(name: string): unknown {
  if (known.has(name)) return known.get(name);
  const found = find(name);
  known.set(name, found);
  return found;
}

/** All helpers of Babel in one object, as its option `external-helpers` and Oxc use them. */
export const babelHelpers: object = new Proxy(
  {},
  { get: (_, name) => typeof name === 'string' && babelHelper(`_${name}`) },
);

// A compiler numbers a name that the module has already: `_usingCtx2`.
function find(name: string): unknown {
  const plain = name.slice(1);
  const base = plain.replace(/\d+$/, '');
  for (const one of base === plain ? [plain] : [plain, base]) {
    const found = CHOSEN[one] ?? ofSwc(one) ?? ofBabel(one);
    if (found !== undefined) return withNames(found);
  }
  return undefined;
}

function ofSwc(name: string): unknown {
  return isSnake(name) ? (required(`@swc/helpers/_/_${name}`) as { readonly _: unknown } | undefined)?._ : undefined;
}

function isSnake(name: string): boolean {
  return /^[a-z\d_]+$/.test(name);
}

function ofBabel(name: string): unknown {
  return required(`@babel/runtime/helpers/${name}`);
}

function required(path: string): unknown {
  try {
    return load(path);
  } catch {
    return undefined;
  }
}

// Functions compiled to CommonJS read helpers from their modules: `_asyncToGenerator2.default`, `_async_to_generator._`.
function withNames(helper: unknown): unknown {
  if (typeof helper === 'function' && !('default' in helper)) Object.assign(helper, { default: helper });
  if (typeof helper === 'function' && !('_' in helper)) Object.assign(helper, { _: helper });
  return helper;
}

const babel = (name: string) => ofBabel(name) as Call;

/** Helpers of one name and several versions: the arguments tell which one the compiler meant. */
const CHOSEN: Readonly<Record<string, Call>> = {
  __proto__: null as never,
  objectSpread: (...args) => babel('objectSpread2')(...args),
  classPrivateFieldGet: (...args) => babel(`classPrivateFieldGet${isMap(args[0]) ? '2' : ''}`)(...args),
  classPrivateFieldSet: (...args) => babel(`classPrivateFieldSet${isMap(args[0]) ? '2' : ''}`)(...args),
  // Since 2023-11 the decorators of the class come first.
  applyDecs: (...args) => babel(isListOfLists(args[1]) ? 'applyDecs2305' : 'applyDecs2311')(...args),
};

function isMap(value: unknown): boolean {
  return value instanceof WeakMap;
}

function isListOfLists(value: unknown): boolean {
  return Array.isArray(value) && Array.isArray(value[0]);
}
