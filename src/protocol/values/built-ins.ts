// Functions of JavaScript and of Node have no source that could travel, but every engine has them too, by the same name.
import { createRequire } from 'node:module';
import { Ref } from './ref.ts';

const NAMESPACES = ['Math', 'JSON', 'Reflect', 'Atomics', 'Intl', 'console', 'process'];
/** Functions that Node writes in JavaScript: their source needs what only Node has. */
const OF_NODE = [
  'structuredClone',
  'atob',
  'btoa',
  'fetch',
  'queueMicrotask',
  'setTimeout',
  'setInterval',
  'setImmediate',
];
const MODULES = ['os', 'path', 'fs', 'fs/promises', 'util', 'crypto', 'url', 'v8', 'perf_hooks', 'zlib'];

let expressions: Map<unknown, string> | undefined;

/** A reference to a built-in function, by an expression that gives it on an engine; undefined for every other value. */
export function builtIn(value: unknown): Ref | undefined {
  if (typeof value !== 'function') return undefined;
  expressions ??= collect();
  const expression = expressions.get(value);
  return expression === undefined ? undefined : new Ref(expression);
}

function collect(): Map<unknown, string> {
  const found = new Map<unknown, string>();
  const require = createRequire(import.meta.url);
  for (const name of MODULES) {
    addFunctions(found, `process.getBuiltinModule('node:${name}')`, require(`node:${name}`) as object);
  }
  const globals = Object.getOwnPropertyDescriptors(globalThis);
  for (const [name, { value }] of Object.entries(globals)) {
    if (typeof value !== 'function' || !isNative(value)) continue;
    found.set(value, name);
    addFunctions(found, name, value);
  }
  for (const name of OF_NODE) found.set(Reflect.get(globalThis, name), name);
  for (const name of NAMESPACES) addFunctions(found, name, Reflect.get(globalThis, name) as object);
  return found;
}

function isNative(fn: unknown): boolean {
  return /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(fn));
}

// Getters are not called: some of Node's warn.
function addFunctions(found: Map<unknown, string>, owner: string, of: object): void {
  for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(of))) {
    const isName = /^[A-Za-z_$][\w$]*$/.test(name) && name !== 'constructor' && name !== 'caller';
    if (typeof value === 'function' && isName) found.set(value, `${owner}.${name}`);
  }
}
