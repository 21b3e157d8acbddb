import type { AnyNode, Expression, Pattern } from 'acorn';
import { full } from 'acorn-walk';
import type MagicString from 'magic-string';

/** Expressions that are numbers, unless their form says otherwise; functions of a kernel give numbers. */
const NUMBERS: ReadonlySet<string> = new Set([
  'MemberExpression',
  'UnaryExpression',
  'BinaryExpression',
  'CallExpression',
]);
const COMPARES = /^(?:[<>]=?|[!=]==?)$/;

/** True for an expression that is true or false by its form, such as `a < b` or `!c`. */
export function isBoolean(node: AnyNode | null | undefined): boolean {
  if (node?.type === 'Literal') return typeof node.value === 'boolean';
  if (node?.type === 'UnaryExpression') return node.operator === '!';
  if (node?.type === 'BinaryExpression') return COMPARES.test(node.operator);
  return node?.type === 'LogicalExpression' && (isBoolean(node.left) || isBoolean(node.right));
}

/**
 * Writes `(x != 0)` where a number stands as a condition, as in `if (x)`, `!x` and `x ? a : b`: languages of shaders
 * take booleans only. Arguments of kernels are numbers, also those that were booleans.
 */
export function compareConditions(body: AnyNode, script: MagicString): void {
  const flags = flagsIn(body);
  full(body, (node) => {
    for (const condition of conditionsOf(node)) compare(condition, flags, script);
  });
}

function conditionsOf(node: AnyNode): readonly Expression[] {
  if (node.type === 'IfStatement' || node.type === 'ConditionalExpression' || node.type === 'WhileStatement') {
    return [node.test];
  }
  if (node.type === 'DoWhileStatement') return [node.test];
  if (node.type === 'ForStatement') return node.test ? [node.test] : [];
  if (node.type === 'UnaryExpression' && node.operator === '!') return [node.argument];
  // `a || 1` as a value is a number in JavaScript: it is left to gpu.js.
  return node.type === 'LogicalExpression' && isBoolean(node) ? [node.left, node.right] : [];
}

function compare(node: Expression, flags: ReadonlySet<string>, script: MagicString): void {
  if (node.type === 'LogicalExpression') {
    compareParts(node, flags, script);
    return;
  }
  if (!isNumber(node, flags)) return;
  // Between these two, so that a slice of the expression has both.
  script.appendRight(node.start, '(');
  script.appendLeft(node.end, ' != 0)');
}

// Those of a condition that is boolean by its form are met on their own.
function compareParts(node: Expression, flags: ReadonlySet<string>, script: MagicString): void {
  if (node.type !== 'LogicalExpression' || isBoolean(node)) return;
  compare(node.left, flags, script);
  compare(node.right, flags, script);
}

function isNumber(node: Expression, flags: ReadonlySet<string>): boolean {
  if (node.type === 'Identifier') return !flags.has(node.name);
  if (node.type === 'Literal') return typeof node.value === 'number';
  return NUMBERS.has(node.type) && !isBoolean(node);
}

/** The variables that hold true or false: something boolean is assigned to them. */
function flagsIn(body: AnyNode): ReadonlySet<string> {
  const flags = new Set<string>();
  const add = (target: Pattern, value: Expression | null | undefined) => {
    if (target.type !== 'Identifier') return;
    if (isBoolean(value) || (value?.type === 'Identifier' && flags.has(value.name))) flags.add(target.name);
  };
  full(body, (node) => {
    if (node.type === 'VariableDeclarator') add(node.id, node.init);
    if (node.type === 'AssignmentExpression') add(node.left, node.right);
  });
  return flags;
}
