import { createRequire } from 'node:module';
import type { AssignmentExpression, ForInStatement, ForOfStatement, Identifier, Node } from 'acorn';

const load = createRequire(import.meta.url);

/**
 * True if the text at that offset, where V8 says that a name is missing, assigns the name and does not read it.
 * @param text an expression, or a module
 */
export function isAssignment(name: string, text: string, offset: number): boolean {
  // V8 gives the place of the sign for `name = …`, and of the name in patterns and in heads of loops.
  if (/^=(?![=>])/.test(text.slice(offset, offset + 2))) return true;
  const at = text.startsWith('...', offset) ? offset + 3 : offset;
  return text.startsWith(name, at) && usesIn(text).patterns.some((one) => one.start === at && one.name === name);
}

/** True if the text, an expression or a module, assigns the name somewhere and reads it nowhere. */
export function onlyAssigns(name: string, text: string): boolean {
  if (!text.includes(name)) return false;
  const { patterns, assigned, read } = usesIn(text);
  const has = (uses: readonly Identifier[]) => uses.some((one) => one.name === name);
  return (has(patterns) || has(assigned)) && !has(read);
}

interface Uses {
  /** Targets of patterns and of loops, and declarations. */
  readonly patterns: Identifier[];
  /** Targets of `=`. */
  readonly assigned: Identifier[];
  readonly read: Identifier[];
}

/** The uses of names in a text; none in a text that does not parse. */
function usesIn(text: string): Uses {
  // Loaded here: each start of an engine would pay 9 ms for the parser.
  const { parse, parseExpressionAt } = load('acorn') as typeof import('acorn');
  const options = { ecmaVersion: 'latest', allowAwaitOutsideFunction: true } as const;
  const asExpression = () => parseExpressionAt(text, 0, { ...options, sourceType: 'script' });
  const asModule = () => parse(text, { ...options, sourceType: 'module' });
  for (const tree of [asExpression, asModule]) {
    try {
      return usesOf(tree());
    } catch {
      // The other one may do.
    }
  }
  return { patterns: [], assigned: [], read: [] };
}

function usesOf(tree: Node): Uses {
  const { simple } = load('acorn-walk') as typeof import('acorn-walk');
  const targets = new Set<Identifier>();
  const uses: Uses = { patterns: [], assigned: [], read: [] };
  const loop = ({ left }: ForInStatement | ForOfStatement) => {
    if (left.type === 'Identifier') uses.patterns.push(left);
  };
  const visitors = {
    // The name that walks give to a name that is assigned or declared.
    VariablePattern: (node: Identifier) => targets.add(node),
    Identifier: (node: Identifier) => uses.read.push(node),
    // A walk comes here after the target. Other operators read it first.
    AssignmentExpression: ({ operator, left }: AssignmentExpression) => {
      if (left.type !== 'Identifier') return;
      targets.delete(left);
      (operator === '=' ? uses.assigned : uses.read).push(left);
    },
    ForInStatement: loop,
    ForOfStatement: loop,
  };
  simple(tree, visitors as never);
  uses.patterns.push(...targets);
  return uses;
}
