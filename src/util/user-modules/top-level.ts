import {
  type AnyNode,
  type AwaitExpression,
  type ClassDeclaration,
  type ForOfStatement,
  type FunctionDeclaration,
  type Identifier,
  type ImportDeclaration,
  type ModuleDeclaration,
  type Node,
  type Pattern,
  type Program,
  parse,
  type Statement,
  type VariableDeclaration,
  type VariableDeclarator,
} from 'acorn';
import { ancestor, full, make } from 'acorn-walk';
import MagicString from 'magic-string';

/** Code that runs as at the top level of a REPL. */
export interface TopLevelSource {
  /** An expression: calling the function that it evaluates to runs the code (a promise when `awaits`). */
  readonly text: string;
  /** Characters in front of the code on line 1: the negative column offset of stack traces. */
  readonly prefix: number;
  readonly awaits: boolean;
  /** Names that the code declares, and kept names that it assigns. */
  readonly names: readonly string[];
}

/** Where a declaration stands: alone, in the head of `for (;;)`, or before `of` or `in`. */
type Place = 'statement' | 'for' | 'for-of';

/** The name under which rewritten code finds the import helper: an argument of the wrapper, not a global. */
const IMPORT = '__import';
/** The object that holds the kept names: the second argument of the wrapper. */
const SCOPE = '__scope';
/** Values go through it before they are awaited, where that is asked for: the third argument of the wrapper. */
const WAIT = '__wait';

/** Names that are not properties of globalThis when user code declares or assigns them. */
interface KeptNames {
  has(name: string): boolean;
}

const NONE: KeptNames = new Set<string>();

// The walk stays in the scope of the code: `await` and `var` in a function or a field of a class are its own matter.
const nothing = () => {};
const SAME_SCOPE = make<undefined>({
  Function: nothing,
  StaticBlock: nothing,
  PropertyDefinition: (node, state, visit) => {
    if (node.computed) visit(node.key, state);
  },
});

/**
 * Rewrites source text as a REPL takes it: const, let, var, function, class and import at the top level persist as
 * globals, await works, and the last expression is the value. Every line stays where it was.
 * @param kept names whose values belong to the second argument of the function, not to globalThis
 * @param waits its own awaits await what the third argument gives for a value, and `each` of it for the items of `for await`
 * @throws SyntaxError of acorn, with `loc`
 */
export function topLevelSource(code: string, kept: KeptNames = NONE, waits?: 'waits'): TopLevelSource {
  const program = parse(code, {
    ecmaVersion: 'latest',
    sourceType: 'script',
    allowAwaitOutsideFunction: true,
    allowImportExportEverywhere: true,
    allowHashBang: true,
  });
  return new Rewrite(code, kept, waits === 'waits').program(program);
}

/** The edits of one piece of code, and what they found. */
class Rewrite {
  readonly #code: string;
  readonly #kept: KeptNames;
  readonly #waits: boolean;
  readonly #edits: MagicString;
  readonly #names = new Set<string>();
  readonly #functions: string[] = [];
  #awaits = false;

  constructor(code: string, kept: KeptNames, waits: boolean) {
    this.#code = code;
    this.#kept = kept;
    this.#waits = waits;
    this.#edits = new MagicString(code);
  }

  program(program: Program): TopLevelSource {
    const { body } = program;
    if (this.#kept !== NONE) this.#keptNames(program);
    if (this.#code.startsWith('#!')) this.#replace(0, 2, '//');
    for (const statement of body) this.#statement(statement);
    this.#lastValue(body.at(-1));
    const hoisted = this.#functions.map((name) => `${this.#ownerOf(name)}.${name} = ${name};`).join(' ');
    const prefix = `(${this.#awaits ? 'async ' : ''}(${IMPORT}, ${SCOPE}, ${WAIT}) => {${hoisted}`;
    const text = `${prefix}${this.#edits}\n})`;
    return { text, prefix: prefix.length, awaits: this.#awaits, names: [...this.#names] };
  }

  #ownerOf(name: string): string {
    return this.#kept.has(name) ? SCOPE : 'globalThis';
  }

  /** Notes the kept names that the code assigns, at any depth; a parameter or local of that name does no harm. */
  #keptNames(program: Program): void {
    full(program, (node) => {
      const target = targetOf(node as AnyNode);
      if (target === undefined) return;
      const ofGlobal = globalMember(target);
      const names = ofGlobal === undefined ? boundNames(target) : [ofGlobal];
      for (const name of names.filter((n) => this.#kept.has(n))) {
        this.#names.add(name);
        if (ofGlobal !== undefined) this.#replace(target.start, target.end, name);
      }
    });
  }

  #statement(node: Statement | ModuleDeclaration): void {
    if (node.type === 'ImportDeclaration') this.#import(node);
    else if (node.type === 'FunctionDeclaration') this.#function(node);
    else if (node.type.startsWith('Export')) throw syntaxError('export has no meaning here', node, this.#code);
    else {
      if (node.type === 'ClassDeclaration') this.#class(node);
      this.#scope(node);
    }
  }

  /** Looks for `await`, and for declarations that are globals: all at the top level, only `var` in blocks and loops. */
  #scope(statement: Node): void {
    const found = {
      AwaitExpression: ({ argument }: AwaitExpression) => {
        this.#awaits = true;
        this.#waitFor(argument, WAIT);
      },
      ForOfStatement: ({ await: awaits, right }: ForOfStatement) => {
        this.#awaits ||= awaits;
        if (awaits) this.#waitFor(right, `${WAIT}.each`);
      },
      VariableDeclaration: (node: VariableDeclaration, _: undefined, ancestors: AnyNode[]) => {
        if (node === statement || node.kind === 'var') this.#declaration(node, placeOf(node, ancestors.at(-2)));
      },
    };
    ancestor(statement, found, SAME_SCOPE);
  }

  #waitFor({ start, end }: Node, wait: string): void {
    if (!this.#waits) return;
    this.#edits.appendRight(start, `${wait}(`);
    this.#edits.appendLeft(end, ')');
  }

  // The local declaration stays (hoisting works as usual) and is published before the first statement runs.
  #function({ id: { name } }: FunctionDeclaration): void {
    this.#names.add(name);
    this.#functions.push(name);
  }

  #class({ id: { name }, start, end }: ClassDeclaration): void {
    this.#names.add(name);
    this.#edits.appendRight(start, `${name} = `);
    this.#edits.appendLeft(end, ';');
  }

  // `const {a, b} = c, d` → `;({a, b} = c), d = undefined`
  #declaration({ declarations, kind, start }: VariableDeclaration, place: Place): void {
    this.#replace(start, declarations[0]?.start ?? start, place === 'statement' ? ';' : '');
    for (const declarator of declarations) {
      for (const name of boundNames(declarator.id)) this.#names.add(name);
      if (place !== 'for-of') this.#assignment(declarator, kind === 'var');
    }
  }

  #assignment({ id, init, start, end }: VariableDeclarator, isVar: boolean): void {
    if (init) {
      this.#edits.appendRight(start, '(');
      this.#edits.appendLeft(end, ')');
    } else {
      // A bare `var x` keeps the value that x has.
      this.#edits.appendLeft(
        end,
        isVar ? ` = ${this.#ownerOf((id as Identifier).name)}.${(id as Identifier).name}` : ' = undefined',
      );
    }
  }

  #import({ source, specifiers, start, end }: ImportDeclaration): void {
    this.#awaits = true;
    const bindings = specifiers.map((specifier) => {
      this.#names.add(specifier.local.name);
      return `[${JSON.stringify(specifier.local.name)}, ${exportOf(specifier)}]`;
    });
    this.#replace(start, end, `;await ${IMPORT}(${source.raw}, [${bindings.join(', ')}]);`);
  }

  // An assignment is a statement to the reader (`a = 5` shows nothing in a notebook), so it has no value.
  #lastValue(node: Statement | ModuleDeclaration | undefined): void {
    if (node?.type !== 'ExpressionStatement' || node.expression.type === 'AssignmentExpression') return;
    const closed = this.#code[node.end - 1] === ';' ? node.end - 1 : node.end;
    this.#edits.appendRight(node.start, 'return (');
    this.#edits.appendLeft(closed, '\n)');
  }

  /** Lines that the new text swallows are given back, so that line numbers hold. */
  #replace(start: number, end: number, text: string): void {
    const lost = this.#code.slice(start, end).split('\n').length - 1;
    this.#edits.update(start, end, text + '\n'.repeat(lost));
  }
}

/** The pattern that a node assigns to. */
function targetOf(node: AnyNode): Pattern | undefined {
  if (node.type === 'AssignmentExpression') return node.left;
  if (node.type === 'UpdateExpression') return node.argument as Pattern;
  if (node.type !== 'ForOfStatement' && node.type !== 'ForInStatement') return undefined;
  return node.left.type === 'VariableDeclaration' ? undefined : node.left;
}

/** `X` of `globalThis.X`, `globalThis['X']` and the same of Node's `global`. */
function globalMember(target: Pattern): string | undefined {
  if (target.type !== 'MemberExpression' || target.object.type !== 'Identifier') return undefined;
  if (target.object.name !== 'globalThis' && target.object.name !== 'global') return undefined;
  const { property } = target;
  if (property.type === 'Identifier' && !target.computed) return property.name;
  return property.type === 'Literal' ? String(property.value) : undefined;
}

function placeOf(node: VariableDeclaration, parent: AnyNode | undefined): Place {
  if (parent?.type === 'ForStatement' && parent.init === node) return 'for';
  const isLoop = parent?.type === 'ForOfStatement' || parent?.type === 'ForInStatement';
  return isLoop && parent.left === node ? 'for-of' : 'statement';
}

/** The name of an import's export as source text; `null` for the whole module. */
function exportOf(specifier: ImportDeclaration['specifiers'][number]): string {
  if (specifier.type === 'ImportNamespaceSpecifier') return 'null';
  if (specifier.type === 'ImportDefaultSpecifier') return '"default"';
  const { imported } = specifier;
  return JSON.stringify(imported.type === 'Literal' ? imported.value : imported.name);
}

/** The names that a pattern declares. */
export function boundNames(pattern: Pattern): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap((p) => boundNames(p.type === 'Property' ? p.value : p.argument));
    case 'ArrayPattern':
      return pattern.elements.flatMap((element) => (element === null ? [] : boundNames(element)));
    case 'AssignmentPattern':
      return boundNames(pattern.left);
    case 'RestElement':
      return boundNames(pattern.argument);
    case 'MemberExpression':
      // Only an assignment can have one.
      return [];
  }
}

function syntaxError(message: string, node: Node, code: string): SyntaxError {
  const line = code.slice(0, node.start).split('\n').length;
  return Object.assign(new SyntaxError(message), { loc: { line, column: 0 } });
}
