import { type AnyNode, type Function as FunctionNode, type Identifier, type Node, parse } from 'acorn';
import { fullAncestor } from 'acorn-walk';
import { BoundedMap } from '../../../util/bounded.ts';
import { boundNames } from '../../../util/user-modules/top-level.ts';

const MAX_CACHED = 1000;
const NONE: ReadonlySet<string> = new Set();
const found = new BoundedMap<string, ReadonlySet<string>>(MAX_CACHED);

/**
 * The names that source text reads and does not declare: an expression, such as that of a function, in brackets, or a
 * program. None of text that does not parse.
 */
export function freeNames(text: string): ReadonlySet<string> {
  return found.get(text) ?? found.set(text, find(text));
}

function find(text: string): ReadonlySet<string> {
  try {
    const options = { allowAwaitOutsideFunction: true, allowImportExportEverywhere: true } as const;
    return new FreeNames(parse(text, { ...options, ecmaVersion: 'latest', sourceType: 'script' })).names;
  } catch {
    return NONE;
  }
}

/** A place where a name is read, below the nodes that may declare it. */
interface Use {
  readonly name: string;
  readonly above: readonly Node[];
}

/** One walk over a program: which node declares which names, and which names are read below which nodes. */
class FreeNames {
  readonly names: ReadonlySet<string>;
  readonly #declared = new Map<Node, Set<string>>();
  readonly #uses: Use[] = [];

  constructor(program: Node) {
    fullAncestor(program, (node, _state, ancestors) => this.#visit(node as AnyNode, ancestors as AnyNode[]));
    const isFree = ({ name, above }: Use) => !above.some((node) => this.#declared.get(node)?.has(name));
    this.names = new Set(this.#uses.filter(isFree).map(({ name }) => name));
  }

  #visit(node: AnyNode, ancestors: readonly AnyNode[]): void {
    switch (node.type) {
      case 'Identifier':
        if (!isTarget(node, ancestors.at(-2))) this.#uses.push({ name: node.name, above: [...ancestors] });
        break;
      case 'VariableDeclaration':
        for (const { id } of node.declarations) this.#declare(scopeOf(ancestors, node.kind !== 'var'), boundNames(id));
        break;
      case 'FunctionDeclaration':
        for (const isBlock of [true, false])
          this.#declare(scopeOf(ancestors.slice(0, -1), isBlock), [node.id?.name ?? '']);
        this.#parameters(node);
        break;
      case 'FunctionExpression':
        this.#declare(node, [...(node.id ? [node.id?.name ?? ''] : []), 'arguments']);
        this.#parameters(node);
        break;
      case 'ArrowFunctionExpression':
        this.#parameters(node);
        break;
      case 'ClassDeclaration':
        this.#declare(scopeOf(ancestors, true), [node.id?.name ?? '']);
        break;
      case 'ClassExpression':
        if (node.id) this.#declare(node, [node.id?.name ?? '']);
        break;
      case 'CatchClause':
        if (node.param) this.#declare(node, boundNames(node.param));
        break;
      case 'ImportDeclaration':
        this.#declare(
          ancestors[0] as Node,
          node.specifiers.map(({ local }) => local.name),
        );
        break;
      default:
    }
  }

  #parameters(node: FunctionNode): void {
    this.#declare(node, ['arguments', ...node.params.flatMap(boundNames)]);
  }

  #declare(scope: Node, names: readonly string[]): void {
    const known = this.#declared.get(scope) ?? new Set();
    for (const name of names) known.add(name);
    this.#declared.set(scope, known);
  }
}

// A walk calls the names that are declared or assigned identifiers, too.
function isTarget(node: Identifier, parent: AnyNode | undefined): boolean {
  return parent?.type === 'AssignmentExpression' && parent.left === node && parent.operator === '=';
}

const BLOCKS: ReadonlySet<string> = new Set([
  ...['BlockStatement', 'StaticBlock', 'SwitchStatement', 'ForStatement', 'ForInStatement', 'ForOfStatement'],
]);
const FUNCTIONS: ReadonlySet<string> = new Set([
  ...['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression', 'StaticBlock', 'Program'],
]);

/** The nearest node that holds declarations: of `let` and its like, or of `var`. */
function scopeOf(ancestors: readonly AnyNode[], isBlock: boolean): Node {
  const holds = ({ type }: AnyNode) => FUNCTIONS.has(type) || (isBlock && BLOCKS.has(type));
  return ancestors.findLast(holds) ?? (ancestors[0] as Node);
}
