import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { helpOf } from '../help.ts';
import { askedCommand } from '../px-line.ts';
import { beforeCursor, type Content } from './message.ts';

const DECLARATIONS = fileURLToPath(new URL('../../../', import.meta.url));
const NAME = /[\p{ID_Start}$_][\p{ID_Continue}$]*/u;
const PATH = /[\p{ID_Start}$_][\p{ID_Continue}$]*(?:\.[\p{ID_Start}$_][\p{ID_Continue}$]*|\[(?:-?\d+|'[^'\]]*')\])*$/u;
const STEP = /\.?([\p{ID_Start}$_][\p{ID_Continue}$]*)|\[(?:(-?\d+)|'([^'\]]*)')\]/gu;
const SHOWN = 2000;

/** The content of `inspect_reply` for the name at the cursor: its signature, its text in the documentation, its value. */
export function inspected(code: string, cursor: number): Content {
  const text = textOf(code, cursor);
  return {
    status: 'ok',
    found: text !== undefined,
    data: text === undefined ? {} : { 'text/plain': text },
    metadata: {},
  };
}

function textOf(code: string, cursor: number): string | undefined {
  const line = lineAt(code, cursor);
  const magic = /^\s*(%%?\w+)/.exec(line.text)?.[1];
  const command = magic === undefined ? undefined : askedCommand(`${magic}?`);
  if (command !== undefined) return helpOf(command);
  const path = pathAt(line.text, line.cursor);
  if (path === undefined) return undefined;
  const found = reached(path);
  return found === undefined ? declared(path) : describe(found);
}

/** A name that the notebook has not, but a module could import: `CompositeError`, `Client.connect`. */
function declared(path: string): string | undefined {
  const [type = '', name] = path.split('.');
  return name === undefined ? exported(type) : memberOf(type, name);
}

function lineAt(code: string, cursor: number): { readonly text: string; readonly cursor: number } {
  const before = beforeCursor(code, cursor);
  const start = before.lastIndexOf('\n') + 1;
  const end = code.indexOf('\n', before.length);
  return { text: code.slice(start, end < 0 ? undefined : end), cursor: before.length - start };
}

/** The path that ends at or around the cursor; before an open bracket, that of the function. */
function pathAt(line: string, cursor: number): string | undefined {
  const rest = /^[\p{ID_Continue}$]*/u.exec(line.slice(cursor))?.[0] ?? '';
  const text = line.slice(0, cursor) + rest;
  return PATH.exec(text)?.[0] ?? PATH.exec(text.replace(/\([^()]*$/, ''))?.[0];
}

interface Found {
  readonly name: string;
  readonly owner: object | undefined;
  readonly value: unknown;
}

function reached(path: string): Found | undefined {
  let found: Found = { name: '', owner: undefined, value: globalThis };
  try {
    for (const [, name, index, key] of path.matchAll(STEP)) {
      const step = (name ?? index ?? key) as string;
      const owner = Object(found.value) as object;
      if (!(step in owner) && index === undefined && key === undefined) return undefined;
      found = { name: step, owner, value: Reflect.get(owner, step, owner) };
    }
  } catch {
    return undefined; // a getter that throws
  }
  return found;
}

function describe({ name, owner, value }: Found): string {
  const documented = owner === undefined || owner === globalThis ? ownName(name) : member(owner, name);
  if (documented !== undefined) return documented;
  return (typeof value === 'function' ? String(value) : inspect(value, { depth: 1 })).slice(0, SHOWN);
}

/** Functions of a notebook that are members here. */
const MEMBERS: Readonly<Record<string, readonly [type: string, name: string]>> = {
  display: ['Outlet', 'display'],
  clearOutput: ['Outlet', 'clear'],
  input: ['CellInput', 'input'],
  html: ['TagFunctions', 'html'],
  md: ['TagFunctions', 'md'],
  svg: ['TagFunctions', 'svg'],
};

function ownName(name: string): string | undefined {
  const [type, member] = MEMBERS[name] ?? [];
  return type === undefined ? exported(name) : memberOf(type, member as string);
}

let declarations: string[] | undefined;

/** The text of every declaration file of this package, read once. */
function allDeclarations(): readonly string[] {
  declarations ??= readdirSync(DECLARATIONS, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.d.ts'))
    .map((path) => readFileSync(join(DECLARATIONS, path), 'utf8'));
  return declarations;
}

function exported(name: string): string | undefined {
  const start = new RegExp(`^export declare (?:abstract )?(?:function|class|const) ${escaped(name)}\\b`, 'm');
  for (const text of allDeclarations()) {
    const at = start.exec(text)?.index;
    if (at !== undefined) return withComment(text, at);
  }
  return undefined;
}

/** The declaration of a member in the class of its owner, or in a class above it. */
function member(owner: object, name: string): string | undefined {
  if (typeof owner === 'function') return memberOf(owner.name, name);
  for (let o: object | null = owner; o !== null; o = Object.getPrototypeOf(o)) {
    const type = (o as { constructor?: { name?: string } }).constructor?.name;
    const found = type && NAME.test(type) ? memberOf(type, name) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function memberOf(type: string, name: string): string | undefined {
  const head = new RegExp(`^export (?:declare (?:abstract )?class|interface) ${escaped(type)}\\b`, 'm');
  const line = new RegExp(`^    (?:readonly |get |static )*${escaped(name)}\\b[?(<:]`, 'm');
  for (const text of allDeclarations()) {
    const from = head.exec(text)?.index;
    if (from === undefined) continue;
    const body = text.slice(from, text.indexOf('\n}', from));
    const at = line.exec(body)?.index;
    if (at !== undefined) return withComment(body, at);
  }
  return undefined;
}

/** A declaration's first line, or its lines to the bracket that closes it, below the text of the comment before it. */
function withComment(text: string, at: number): string {
  const declaration = text
    .slice(at)
    .split('\n', 1)[0]
    ?.replace(/^ *(?:export declare )?/, '')
    .replace(/ \{$|;$/, '');
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text.slice(0, at))?.[1] ?? '';
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trimEnd());
  return `${declaration}\n\n${lines.join('\n').trim()}`.trim();
}

const escaped = (name: string) => name.replaceAll('$', '\\$');
