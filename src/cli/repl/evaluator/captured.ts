import { Session } from 'node:inspector';

/** Where the inspector finds the function that is asked about. */
const ASKED = Symbol.for('directview.repl.asked');
const OUTER: readonly string[] = ['Global', 'Script'];
const IS_GLOBAL = 'function (name) { "use strict"; return this === globalThis[name]; }';

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

let session: Session | undefined;

/** Those of the names for which a function has captured another value than that of globalThis: locals around it. */
export function capturedNames(fn: unknown, names: readonly string[]): string[] {
  Reflect.set(globalThis, ASKED, fn);
  try {
    const scopes = scopesOf(ask<{ result: Described }>('Runtime.evaluate', EVALUATED).result);
    return names.filter((name) => isCaptured(name, scopes));
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

/** The variables of each scope around a function, the innermost first. */
function scopesOf(fn: Described): readonly (readonly Property[])[] {
  const { internalProperties = [] } = propertiesOf(fn);
  const scopes = internalProperties.find(({ name }) => name === '[[Scopes]]')?.value;
  const listed = scopes === undefined ? [] : propertiesOf(scopes).result;
  const inner = listed.filter(({ value }) => value?.objectId && !OUTER.includes(value.description ?? ''));
  return inner.map(({ value }) => propertiesOf(value as Described).result);
}

function propertiesOf({ objectId }: Described) {
  interface Properties {
    readonly result: readonly Property[];
    readonly internalProperties?: readonly Property[];
  }
  return ask<Properties>('Runtime.getProperties', { objectId, ownProperties: true });
}

function isCaptured(name: string, scopes: readonly (readonly Property[])[]): boolean {
  for (const scope of scopes) {
    const found = scope.find((property) => property.name === name)?.value;
    if (found !== undefined) return !isGlobal(name, found);
  }
  return false;
}

function isGlobal(name: string, { objectId, value, unserializableValue }: Described): boolean {
  const global: unknown = Reflect.get(globalThis, name);
  if (unserializableValue !== undefined) return unserializableValue === written(global);
  if (objectId === undefined) return Object.is(global, value);
  const options = { objectId, functionDeclaration: IS_GLOBAL, arguments: [{ value: name }], returnByValue: true };
  return ask<{ result: Described }>('Runtime.callFunctionOn', options).result.value === true;
}

// `5n`, `-0`, `NaN`, `Infinity`: what JSON has no word for.
function written(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  return Object.is(value, -0) ? '-0' : String(value);
}
