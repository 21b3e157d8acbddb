import { types } from 'node:util';
import { NotSerializableError } from '../../errors.ts';
import { shortText } from './bounded-copy.ts';

/** Steps of the longest path that is shown. */
const MAX_STEPS = 16;

type Attempt = (value: unknown) => unknown;
type Child = readonly [path: string, read: () => unknown];

/**
 * NotSerializableError that names the path of the innermost part that `attempt` refuses (16 steps at most), such as
 * `args[0].cb`. It runs only after serializing has failed, so that the normal path need not keep track of places.
 */
export function faultError(value: unknown, thrown: unknown, attempt: Attempt): NotSerializableError {
  const seen = new Set<unknown>();
  let fault = { path: '', value, thrown };
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    seen.add(fault.value);
    const inner = innerFault(fault, seen, attempt);
    if (inner === undefined) break;
    fault = inner;
  }
  const where = fault.path === '' ? 'the value' : fault.path;
  const why = isRefusedProxy(fault) ? 'a proxy cannot travel: send a copy of what is behind it' : reason(fault.thrown);
  return new NotSerializableError(`${where}: ${why}`, causeOf(fault.thrown));
}

/** An error of the user's getter, or of a tensor that cannot be read, is the cause. A refusal is told by the message alone. */
function causeOf(thrown: unknown): ErrorOptions | undefined {
  if (thrown instanceof NotSerializableError) return thrown.cause === undefined ? undefined : { cause: thrown.cause };
  return isRefusal(thrown) ? undefined : { cause: thrown };
}

// In V8's words, which name no proxy.
function isRefusal(thrown: unknown): boolean {
  return / could not be cloned\.$/.test(reason(thrown));
}

function isRefusedProxy({ value, thrown }: Fault): boolean {
  return types.isProxy(value) && isRefusal(thrown);
}

type Fault = { path: string; value: unknown; thrown: unknown };

// The child that fails in the same way: other children may hold faults that were never reached.
function innerFault(fault: Fault, seen: ReadonlySet<unknown>, attempt: Attempt): Fault | undefined {
  for (const [step, read] of children(fault.value)) {
    const child: Fault = { path: (fault.path + step).replace(/^\./, ''), value: undefined, thrown: undefined };
    try {
      child.value = read();
      if (!seen.has(child.value) && !isHarmless(child.value)) attempt(child.value);
    } catch (thrown) {
      if (reason(thrown) === reason(fault.thrown)) return { ...child, thrown };
    }
  }
  return undefined;
}

function isHarmless(value: unknown): boolean {
  return value === null || !['object', 'function', 'symbol'].includes(typeof value);
}

function reason(thrown: unknown): string {
  if (!(thrown instanceof Error)) return shortText(thrown);
  return thrown instanceof RangeError && /call stack/.test(thrown.message) ? 'nested too deeply' : thrown.message;
}

function* children(value: unknown): Iterable<Child> {
  if (typeof value !== 'object' || value === null) return;
  if (value instanceof Map) yield* mapChildren(value);
  else if (value instanceof Set) yield* [...value].map((item, i): Child => [`.values()[${i}]`, () => item]);
  else for (const key of keysOf(value)) yield [step(key, value), () => Reflect.get(value, key)];
}

function* mapChildren(map: ReadonlyMap<unknown, unknown>): Iterable<Child> {
  let i = 0;
  for (const [key, value] of map) {
    yield [`.keys()[${i++}]`, () => key];
    yield [`.get(${typeof key === 'string' ? JSON.stringify(key) : typeof key})`, () => value];
  }
}

function keysOf(value: object): readonly string[] {
  return value instanceof Error ? Object.getOwnPropertyNames(value) : Object.keys(value);
}

function step(key: string, parent: object): string {
  if (Array.isArray(parent)) return `[${key}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
