import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import ts from 'typescript';
import { ROOT } from './source.ts';

/** A member of a class that others can see at run time: not `#private`, whatever TypeScript's keywords say. */
export interface Member {
  /** As the source has it: `apply`, `[Symbol.iterator]`; a static one with its class: `Client.connect`. */
  readonly name: string;
  /** A `/** *\/` stands on one of its declarations: overloads share theirs. */
  readonly isDocumented: boolean;
}

/** Members that a class declares in its file, which is named from the root of the repository. */
export function declaredMembers(path: string, className: string): Member[] {
  return membersIn(readFileSync(ROOT + path, 'utf8'), className);
}

/** Members that a class declares in this source text. */
export function membersIn(text: string, className: string): Member[] {
  const file = ts.createSourceFile('x.ts', text, ts.ScriptTarget.Latest, true);
  const found = file.statements.find((node) => ts.isClassDeclaration(node) && node.name?.text === className);
  if (found === undefined || !ts.isClassDeclaration(found)) throw new Error(`no class ${className} in the source`);
  const documented = new Map<string, boolean>();
  for (const node of found.members.flatMap((member) => [member, ...parameterProperties(member)])) {
    const name = nameOf(node, className);
    if (name !== undefined) documented.set(name, documented.get(name) || ts.getJSDocCommentsAndTags(node).length > 0);
  }
  return [...documented].map(([name, isDocumented]) => ({ name, isDocumented }));
}

function parameterProperties(node: ts.Node): readonly ts.ParameterDeclaration[] {
  if (!ts.isConstructorDeclaration(node)) return [];
  return node.parameters.filter((parameter) => ts.isParameterPropertyDeclaration(parameter, node));
}

function nameOf(node: ts.ClassElement | ts.ParameterDeclaration, className: string): string | undefined {
  const { name } = node;
  // A `declare` field and an index signature are for the compiler alone.
  const isDeclared = ts.canHaveModifiers(node) && has(node, ts.SyntaxKind.DeclareKeyword);
  if (name === undefined || ts.isPrivateIdentifier(name) || isDeclared) return undefined;
  const text = name.getText().replace("Symbol.for('nodejs.util.inspect.custom')", 'inspect.custom');
  return ts.canHaveModifiers(node) && has(node, ts.SyntaxKind.StaticKeyword) ? `${className}.${text}` : text;
}

function has(node: ts.HasModifiers, kind: ts.SyntaxKind): boolean {
  return ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) ?? false;
}

// Node 20 has its own descriptions for some.
const SYMBOLS = new Map<symbol, string>([
  [Symbol.asyncDispose, '[Symbol.asyncDispose]'],
  [inspect.custom, '[inspect.custom]'],
  [Symbol.for('Jupyter.display'), "[Symbol.for('Jupyter.display')]"],
]);

/** Members that an object has at run time: its own, its prototypes' up to Object.prototype, and those of its class. */
export function runtimeMembers(object: object): string[] {
  const names = new Set<string>();
  for (let at = object; Object.getPrototypeOf(at) !== null; at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) if (key !== 'constructor') names.add(textOf(key));
  }
  const own = object.constructor;
  const statics = Reflect.ownKeys(own).map(textOf);
  return [...names, ...statics.filter((key) => !OF_FUNCTIONS.includes(key)).map((key) => `${own.name}.${key}`)];
}

const OF_FUNCTIONS = ['length', 'name', 'prototype'];

function textOf(key: PropertyKey): string {
  return typeof key === 'symbol' ? (SYMBOLS.get(key) ?? `[${key.description}]`) : String(key);
}
