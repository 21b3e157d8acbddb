// Source text as a REPL takes it: top-level const, let, var, function, class and import persist as globals, await works,
// and the last expression is the value. A rewrite of the text that keeps every line where it was.
import { type Node, type Program, parse } from 'acorn';

export interface ReplSource {
  /** An expression: calling what it evaluates to runs the code (a promise when `awaits`). */
  readonly text: string;
  /** Characters in front of the code on line 1: the negative column offset of stack traces. */
  readonly prefix: number;
  readonly awaits: boolean;
  /** Names that the code declares. */
  readonly names: readonly string[];
}

type Any = Node & { readonly [key: string]: unknown };
interface Edit {
  readonly at: number;
  readonly end: number;
  readonly text: string;
}

/** The name under which rewritten code finds the import helper: an argument of the wrapper, not a global. */
export const IMPORT = '__import';

/** @throws SyntaxError of acorn, with `loc` */
export function replSource(code: string): ReplSource {
  const program = parse(code, {
    ecmaVersion: 'latest',
    sourceType: 'script',
    allowAwaitOutsideFunction: true,
    allowImportExportEverywhere: true,
    allowHashBang: true,
  });
  const rewrite = new Rewrite(code, program);
  return rewrite.result();
}

class Rewrite {
  readonly #code: string;
  readonly #program: Program;
  readonly #edits: Edit[] = [];
  readonly #names = new Set<string>();
  readonly #functions: string[] = [];
  #awaits = false;

  constructor(code: string, program: Program) {
    this.#code = code;
    this.#program = program;
  }

  result(): ReplSource {
    const body = this.#program.body as unknown as Any[];
    for (const statement of body) this.#statement(statement);
    this.#lastValue(body.at(-1));
    const hoisted = this.#functions.map((name) => `globalThis.${name} = ${name};`).join(' ');
    const prefix = `(${this.#awaits ? 'async ' : ''}(${IMPORT}) => {${hoisted}`;
    return {
      text: `${prefix}${this.#apply()}\n})`,
      prefix: prefix.length,
      awaits: this.#awaits,
      names: [...this.#names],
    };
  }

  #statement(node: Any): void {
    if (node.type.startsWith('Export')) throw syntaxError('export has no meaning on an engine', node, this.#code);
    if (node.type === 'ImportDeclaration') this.#import(node);
    else if (node.type === 'FunctionDeclaration') this.#function(node);
    else this.#plainStatement(node);
  }

  #plainStatement(node: Any): void {
    if (node.type === 'ClassDeclaration') this.#class(node);
    else if (node.type === 'VariableDeclaration') this.#declaration(node, 'statement');
    else this.#vars(node);
    this.#findAwait(node);
  }

  // The local declaration stays (hoisting works as usual) and is published before the first statement runs.
  #function(node: Any): void {
    const name = this.#text(node['id'] as Any);
    this.#names.add(name);
    this.#functions.push(name);
  }

  #class(node: Any): void {
    const name = this.#text(node['id'] as Any);
    this.#names.add(name);
    this.#insert(node.start, `${name} = `);
    this.#insert(node.end, ';');
  }

  // `const {a, b} = c, d` → `({a, b} = c), d = undefined`
  #declaration(node: Any, place: 'statement' | 'for' | 'for-of'): void {
    const declarators = node['declarations'] as Any[];
    const first = declarators[0] as Any;
    this.#edits.push({ at: node.start, end: first.start, text: place === 'statement' ? ';' : '' });
    for (const declarator of declarators) this.#declarator(declarator, node['kind'] === 'var', place);
  }

  #declarator(node: Any, isVar: boolean, place: 'statement' | 'for' | 'for-of'): void {
    const id = node['id'] as Any;
    for (const name of boundNames(id)) this.#names.add(name);
    if (place === 'for-of') return;
    if (node['init'] === null) {
      const name = this.#text(id);
      // A bare `var x` keeps the value that x has.
      this.#insert(node.end, isVar ? ` = globalThis.${name}` : ' = undefined');
    } else {
      this.#insert(node.start, '(');
      this.#insert(node.end, ')');
    }
  }

  // `var` inside blocks and loops is a global too; let and const there stay local.
  #vars(node: Any): void {
    for (const [key, child] of children(node)) {
      if (isFunction(child)) continue;
      if (child.type === 'VariableDeclaration' && child['kind'] === 'var') this.#declaration(child, placeOf(node, key));
      this.#vars(child);
    }
  }

  #findAwait(node: Any): void {
    if (node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node['await'] === true))
      this.#awaits = true;
    for (const [, child] of children(node)) if (!isFunction(child)) this.#findAwait(child);
  }

  #import(node: Any): void {
    this.#awaits = true;
    const from = this.#text(node['source'] as Any);
    const bindings = (node['specifiers'] as Any[]).map((specifier) => this.#binding(specifier));
    const assigned = bindings.map(([local, exported]) => `[${JSON.stringify(local)}, ${exported}]`).join(', ');
    this.#edits.push({ at: node.start, end: node.end, text: `;await ${IMPORT}(${from}, [${assigned}]);` });
  }

  #binding(specifier: Any): [string, string] {
    const local = this.#text(specifier['local'] as Any);
    this.#names.add(local);
    if (specifier.type === 'ImportNamespaceSpecifier') return [local, 'null'];
    if (specifier.type === 'ImportDefaultSpecifier') return [local, '"default"'];
    const imported = specifier['imported'] as Any;
    return [local, JSON.stringify(imported.type === 'Literal' ? imported['value'] : imported['name'])];
  }

  // An assignment is a statement to the reader (`a = 5` shows nothing in a notebook), so it has no value.
  #lastValue(node: Any | undefined): void {
    if (node?.type !== 'ExpressionStatement') return;
    const expression = node['expression'] as Any;
    if (expression.type === 'AssignmentExpression') return;
    const closed = this.#code[node.end - 1] === ';' ? node.end - 1 : node.end;
    this.#insert(node.start, 'return (');
    this.#insert(closed, '\n)');
  }

  #text(node: Any): string {
    return this.#code.slice(node.start, node.end);
  }

  #insert(at: number, text: string): void {
    this.#edits.push({ at, end: at, text });
  }

  #apply(): string {
    // Stable: edits at one place keep the order in which they were made.
    const edits = [...this.#edits].sort((a, b) => a.at - b.at);
    let out = '';
    let from = 0;
    for (const edit of edits) {
      out += this.#code.slice(from, edit.at) + edit.text;
      // Lines that an edit swallows are given back, so that line numbers hold.
      const lost = this.#code.slice(edit.at, edit.end).split('\n').length - 1;
      out += '\n'.repeat(lost);
      from = Math.max(from, edit.end);
    }
    return out + this.#code.slice(from);
  }
}

function* children(node: Any): Generator<[string, Any]> {
  for (const [key, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield [key, child];
  }
}

function isNode(value: unknown): value is Any {
  return typeof value === 'object' && value !== null && typeof (value as Any).type === 'string';
}

function isFunction(node: Any): boolean {
  return /Function|^(Class(Body|Declaration|Expression))$/.test(node.type);
}

function placeOf(parent: Any, key: string): 'statement' | 'for' | 'for-of' {
  if (parent.type === 'ForStatement' && key === 'init') return 'for';
  const loop = parent.type === 'ForOfStatement' || parent.type === 'ForInStatement';
  return loop && key === 'left' ? 'for-of' : 'statement';
}

function boundNames(pattern: Any): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern['name'] as string];
    case 'ObjectPattern':
      return (pattern['properties'] as Any[]).flatMap((p) => boundNames((p['value'] ?? p['argument']) as Any));
    case 'ArrayPattern':
      return (pattern['elements'] as (Any | null)[]).flatMap((e) => (e === null ? [] : boundNames(e)));
    case 'AssignmentPattern':
      return boundNames(pattern['left'] as Any);
    default:
      return boundNames(pattern['argument'] as Any);
  }
}

function syntaxError(message: string, node: Any, code: string): SyntaxError {
  const line = code.slice(0, node.start).split('\n').length;
  return Object.assign(new SyntaxError(message), { loc: { line, column: 0 } });
}
