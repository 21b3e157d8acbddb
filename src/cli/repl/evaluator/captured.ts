import { Session } from 'node:inspector';

/** Where the inspector finds the function that is asked about, and leaves an object that was asked for. */
const ASKED = Symbol.for('directview.repl.asked');
const OUTER: readonly string[] = ['Global', 'Script', 'Module'];
const KEEP = "function () { 'use strict'; globalThis[Symbol.for('directview.repl.asked')] = this; }";

/** A value as the inspector describes it; without an `objectId` it is a primitive. */
interface Described {
  readonly objectId?: string | undefined;
  readonly description?: string | undefined;
  readonly value?: unknown;
  readonly unserializableValue?: string | undefined;
}

interface Property {
  readonly name: string;
  readonly value?: Described | undefined;
}

interface Scope {
  /** As V8 names it: Block, Catch, Closure (f). */
  readonly kind: string;
  readonly properties: readonly Property[];
}

/** A local variable around a function. */
export interface Captured {
  readonly name: string;
  readonly value: unknown;
  /** Is it a variable of a block, such as that of a loop? Else it is one of a function. */
  readonly isOfBlock: boolean;
}

let session: Session | undefined;

/** Those of the names that are local variables around a function, with their values. */
export function capturedBy(fn: unknown, names: readonly string[]): Captured[] {
  Reflect.set(globalThis, ASKED, fn);
  try {
    const scopes = scopesOf(ask<{ result: Described }>('Runtime.evaluate', EVALUATED).result);
    return names.flatMap((name) => captured(name, scopes) ?? []);
  } catch {
    return []; // a Node without an inspector
  } finally {
    Reflect.deleteProperty(globalThis, ASKED);
  }
}

const EVALUATED = { expression: "globalThis[Symbol.for('directview.repl.asked')]" };

// Within this thread the answer is there when `post` returns.
function ask<T>(method: string, parameters: object): T {
  if (session === undefined) {
    session = new Session();
    session.connect();
  }
  let answer: T | undefined;
  session.post(method, parameters, (error, result) => {
    if (error === null) answer = result as T;
  });
  if (answer === undefined) throw new Error(`${method} failed`);
  return answer;
}

/** The scopes around a function, the innermost first. */
function scopesOf(fn: Described): readonly Scope[] {
  const { internalProperties = [] } = propertiesOf(fn);
  const scopes = internalProperties.find(({ name }) => name === '[[Scopes]]')?.value;
  const listed = scopes === undefined ? [] : propertiesOf(scopes).result;
  const inner = listed.filter(({ value }) => value?.objectId && !OUTER.includes(value.description ?? ''));
  return inner.map(({ value }) => ({
    kind: value?.description ?? '',
    properties: propertiesOf(value as Described).result,
  }));
}

function propertiesOf({ objectId }: Described) {
  interface Properties {
    readonly result: readonly Property[];
    readonly internalProperties?: readonly Property[];
  }
  return ask<Properties>('Runtime.getProperties', { objectId, ownProperties: true });
}

function captured(name: string, scopes: readonly Scope[]): Captured | undefined {
  for (const { kind, properties } of scopes) {
    const found = properties.find((property) => property.name === name)?.value;
    if (found !== undefined) return { name, value: valueFrom(found), isOfBlock: /^(Block|Catch)/.test(kind) };
  }
  return undefined;
}

function valueFrom({ objectId, value, unserializableValue }: Described): unknown {
  if (unserializableValue !== undefined) return written(unserializableValue);
  if (objectId === undefined) return value;
  ask('Runtime.callFunctionOn', { objectId, functionDeclaration: KEEP });
  return Reflect.get(globalThis, ASKED);
}

// `5n`, `-0`, `NaN`, `Infinity`: what JSON has no word for.
function written(text: string): unknown {
  return text.endsWith('n') ? BigInt(text.slice(0, -1)) : Number(text);
}
