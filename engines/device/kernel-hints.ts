import {
  type AnyNode,
  type CallExpression,
  type FunctionExpression,
  type Node,
  type Pattern,
  parseExpressionAt,
} from 'acorn';
import { full, fullAncestor, simple } from 'acorn-walk';
import { isBoolean } from '../../src/protocol/values/kernels/kernel-conditions.ts';

/** A fault at a place in a kernel's source. */
interface Hint {
  readonly node: Node;
  readonly text: string;
}

/** Calls that compile in some modes of gpu.js, or in none, and what to write. */
const CALLS: Readonly<Record<string, string>> = {
  isNaN: 'compare with numbers instead',
  isFinite: 'compare with numbers instead',
  parseInt: 'Math.trunc does that',
  parseFloat: 'arguments are numbers already',
  Number: 'arguments are numbers already',
};

/**
 * Faults of the function that gpu.js does not compile, each with its line and column in the source; empty if none is
 * known. `functions` are the names that the function may call.
 */
export function kernelHints(source: string, functions: readonly string[]): string[] {
  const node = parseExpressionAt(source, 0, { ecmaVersion: 'latest', locations: true });
  if (node.type !== 'FunctionExpression') return [];
  const known = new Set([...functions, ...namesIn(node)]);
  const hints = [...endings(node)];
  full(node.body, (inner) => {
    const text = hintOf(inner, node, known);
    if (text !== undefined) hints.push({ node: inner, text });
  });
  return hints.map(
    ({ node: { loc }, text }) => `line ${loc?.start.line}, column ${(loc?.start.column ?? 0) + 1}: ${text}`,
  );
}

/** Faults of a kernel and of the functions that it calls, each with its place. */
export function hintsOf(source: string, functions: readonly string[]): string[] {
  const names = functions.map(nameOf);
  const inner = functions.flatMap((text) => kernelHints(text, names).map((hint) => `in ${nameOf(text)}, ${hint}`));
  return [...kernelHints(source, names), ...inner];
}

function nameOf(source: string): string {
  return /^function ([^(]*)/.exec(source)?.[1] ?? '';
}

// Names that the function declares: parameters, variables and functions.
function namesIn(node: FunctionExpression): string[] {
  const found: string[] = [];
  const add = (name: Pattern | null | undefined) => {
    if (name?.type === 'Identifier') found.push(name.name);
  };
  node.params.forEach(add);
  simple(node.body, { VariableDeclarator: ({ id }) => add(id), FunctionDeclaration: ({ id }) => add(id) });
  return found;
}

// Statements of inner functions return from these.
function endings(node: FunctionExpression): Hint[] {
  const hints: Hint[] = [];
  let returns = 0;
  fullAncestor(node.body, (inner, _state, ancestors) => {
    if (inner.type !== 'ReturnStatement' || ancestors.some((outer) => /Function/.test(outer.type))) return;
    returns++;
    if (isBoolean(inner.argument)) {
      hints.push({ node: inner, text: 'the kernel returns true or false: return a number, such as c ? 1 : 0' });
    }
  });
  if (returns === 0) hints.push({ node, text: 'the kernel returns nothing: end it with `return x`' });
  return hints;
}

function hintOf(node: AnyNode, kernel: FunctionExpression, known: ReadonlySet<string>): string | undefined {
  if (node.type === 'Identifier' && node.name === 'NaN') return 'NaN has no name in a kernel: pass it as an argument';
  if (node.type === 'CallExpression') return callHint(node, kernel, known);
  if (node.type === 'MemberExpression' && !node.computed && isNamed(node.property, 'length')) {
    return 'arrays have no length in a kernel: pass it as an argument';
  }
  if (node.type === 'VariableDeclarator' && isConstant(node.init)) {
    return 'not every context gives an array constant a second name: write this.constants.x[i] where it is read';
  }
  if (
    node.type === 'VariableDeclarator' &&
    node.id.type === 'ObjectPattern' &&
    node.init?.type !== 'MemberExpression'
  ) {
    return 'only this.thread and the like can be destructured: read the fields one by one';
  }
  const written =
    node.type === 'AssignmentExpression' ? node.left : node.type === 'UpdateExpression' ? node.argument : undefined;
  return written === undefined ? undefined : writeHint(written, kernel);
}

// this.constants.x
function isConstant(node: AnyNode | null | undefined): boolean {
  if (node?.type !== 'MemberExpression' || node.object.type !== 'MemberExpression') return false;
  return node.object.object.type === 'ThisExpression' && isNamed(node.object.property, 'constants');
}

const isNamed = (node: AnyNode, name: string) => node.type === 'Identifier' && node.name === name;

function callHint(
  { callee }: CallExpression,
  kernel: FunctionExpression,
  known: ReadonlySet<string>,
): string | undefined {
  if (callee.type === 'MemberExpression') {
    const isMath = isNamed(callee.object, 'Math');
    return isMath && isNamed(callee.property, 'hypot')
      ? 'Math.hypot does not compile: Math.sqrt(x * x + y * y) does'
      : undefined;
  }
  if (callee.type !== 'Identifier') return undefined;
  const { name } = callee;
  if (name === kernel.id?.name) return `${name} calls itself: kernels have no recursion, use a loop`;
  if (known.has(name)) return undefined;
  const instead = CALLS[name];
  if (instead !== undefined) return `${name} does not compile everywhere: ${instead}`;
  return `${name} is not a function of the kernel: hand it over with functions: [${name}]`;
}

function writeHint(written: AnyNode, { params }: FunctionExpression): string | undefined {
  let at = written;
  while (at.type === 'MemberExpression') at = at.object;
  if (at === written || at.type !== 'Identifier') return undefined;
  const { name } = at;
  if (!params.some((param) => isNamed(param, name))) return undefined;
  return `the kernel writes into its argument ${name}: arguments are read only, return the value`;
}
