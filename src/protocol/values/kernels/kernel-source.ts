import {
  type AnyNode,
  type ArrowFunctionExpression,
  type Expression,
  type FunctionExpression,
  type Pattern,
  parseExpressionAt,
} from 'acorn';
import { full } from 'acorn-walk';
import MagicString from 'magic-string';
import { NotSerializableError } from '../../../errors.ts';
import { functionSource } from '../functions.ts';
import { compareConditions } from './kernel-conditions.ts';

/** A name that may stand after a dot. */
export const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** A parameter, and the source text of its default value. */
export interface KernelParameter {
  readonly name: string;
  readonly initial: string | undefined;
}

type FunctionNode = FunctionExpression | ArrowFunctionExpression;

/** A function that is meant for gpu.js, parsed. */
export interface ParsedKernel {
  /** An expression that holds the function. */
  readonly text: string;
  readonly node: FunctionNode;
  /** Empty for a function without a name. */
  readonly name: string;
  readonly parameters: readonly KernelParameter[];
}

/**
 * Parses a function, an arrow function or a method.
 * @throws TypeError for what is not a function, and for parameters that are not plain names; NotSerializableError for
 * async and generator functions, classes, and what a bundler has rewritten
 */
export function parseKernel(fn: unknown): ParsedKernel {
  if (typeof fn !== 'function') throw new TypeError(`a kernel is a function, not ${fn === null ? 'null' : typeof fn}`);
  const text = `(${functionSource(fn as () => unknown)})`;
  const node = functionIn(parseExpressionAt(text, 0, { ecmaVersion: 'latest' }));
  if (node === undefined || node.async || node.generator) {
    throw new NotSerializableError(
      'a kernel is a function `function (a, x) { … }`, an arrow function or a method: ' +
        'async functions, generator functions, classes, getters and setters do not compile',
    );
  }
  refuseBundled(text);
  return {
    text,
    node,
    name: node.id?.name ?? fn.name,
    parameters: node.params.map((param) => parameterOf(param, text)),
  };
}

// A method comes as `({ "name"(x) { … } })["name"]`.
function functionIn(node: Expression): FunctionNode | undefined {
  if (node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression') return node;
  if (node.type !== 'MemberExpression' || node.object.type !== 'ObjectExpression') return undefined;
  const [property] = node.object.properties;
  if (property?.type !== 'Property' || !property.method) return undefined;
  return functionIn(property.value);
}

function refuseBundled(text: string): void {
  if (/\b__name\(/.test(text)) {
    throw new NotSerializableError(
      "a bundler has put __name() into the kernel: compile it with tsc, or without 'keepNames'",
    );
  }
  if (/(?:\bvoid 0|\bundefined)\s*\)?\s*\??\.\s*(?:thread|constants|output)\b/.test(text)) {
    throw new NotSerializableError(
      'a compiler has replaced `this` of an arrow function by undefined: write the kernel as `function (a, x) { … }`',
    );
  }
}

function parameterOf(node: Pattern, text: string): KernelParameter {
  if (node.type === 'Identifier') return { name: node.name, initial: undefined };
  if (node.type === 'AssignmentPattern' && node.left.type === 'Identifier') {
    return { name: node.left.name, initial: text.slice(node.right.start, node.right.end) };
  }
  throw new TypeError(`a kernel's parameters are plain names, not '${text.slice(node.start, node.end)}'`);
}

/**
 * The function as gpu.js compiles it: `function name(a, x) { … }` without default values. Calls of `helpers` that leave
 * out arguments get the default values, `this.constants['c']` becomes `this.constants.c`,
 * and numbers as conditions are compared with 0.
 */
export function kernelText({ text, node, name, parameters }: ParsedKernel, helpers: readonly ParsedKernel[]): string {
  const script = new MagicString(text);
  const byName = new Map(helpers.map((helper) => [helper.name, helper.parameters]));
  full(node.body, (inner) => {
    completeCall(inner, byName, script);
    plainName(inner, script);
  });
  compareConditions(node.body, script);
  const body = script.slice(node.body.start, node.body.end);
  const list = parameters.map((parameter) => parameter.name).join(', ');
  return `function ${name}(${list}) ${node.body.type === 'BlockStatement' ? body : `{ return ${body}; }`}`;
}

function completeCall(
  node: AnyNode,
  helpers: ReadonlyMap<string, readonly KernelParameter[]>,
  script: MagicString,
): void {
  if (node.type !== 'CallExpression' || node.callee.type !== 'Identifier') return;
  const parameters = helpers.get(node.callee.name) ?? [];
  const missing = parameters.slice(node.arguments.length).map(({ initial }) => initial);
  if (missing.length === 0 || missing.some((initial) => initial === undefined)) return;
  script.appendLeft(node.end - 1, `${node.arguments.length === 0 ? '' : ', '}${missing.join(', ')}`);
}

// gpu.js knows no names in brackets, which TypeScript's noPropertyAccessFromIndexSignature asks for.
function plainName(node: AnyNode, script: MagicString): void {
  if (node.type !== 'MemberExpression' || !node.computed || node.property.type !== 'Literal') return;
  const { value } = node.property;
  if (typeof value === 'string' && IDENTIFIER.test(value)) script.overwrite(node.object.end, node.end, `.${value}`);
}

/** The values of the defaults, by parameter. @throws TypeError for one that uses other names than those of the language */
export function defaultsOf(parameters: readonly KernelParameter[]): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  for (const { name, initial } of parameters) if (initial !== undefined) found.set(name, valueOfDefault(name, initial));
  return found;
}

function valueOfDefault(name: string, initial: string): unknown {
  try {
    return new Function(`'use strict'; return (${initial});`)();
  } catch (cause) {
    throw new TypeError(`the default of a kernel's parameter is made of literals, not ${name} = ${initial}`, { cause });
  }
}
