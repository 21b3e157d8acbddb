import { type ClassExpression, type Expression, type ObjectExpression, parse } from 'acorn';

/** Evaluating a function, or an inert class, runs nothing. A class may run code: static blocks, fields, computed keys. */
export type SourceKind = 'function' | 'inert class' | 'class';

/** The text of one function or class, read without running it. */
export interface ParsedSource {
  readonly kind: SourceKind;
  /** The name that it gives itself; empty for none. */
  readonly name: string;
}

/**
 * Reads source text that came from elsewhere. Only one function or class is accepted, as `functionSource` writes it.
 * @throws SyntaxError for any other text
 */
export function parseSource(source: string): ParsedSource {
  const { body } = parse(`(${source}\n)`, { ecmaVersion: 'latest', sourceType: 'script' });
  const [statement] = body;
  if (body.length === 1 && statement?.type === 'ExpressionStatement') {
    const { expression } = statement;
    if (expression.type === 'ClassExpression')
      return { kind: kindOfClass(expression), name: expression.id?.name ?? '' };
    if (isFunction(expression)) return { kind: 'function', name: '' };
  }
  throw new SyntaxError(`the text is not that of one function or class: ${JSON.stringify(source.slice(0, 60))}`);
}

function isFunction(expression: Expression): boolean {
  if (expression.type === 'FunctionExpression' || expression.type === 'ArrowFunctionExpression') return true;
  return expression.type === 'MemberExpression' && expression.object.type === 'ObjectExpression'
    ? expression.property.type === 'Literal' && isOneMethod(expression.object)
    : false;
}

// `({ async *"name"(x) {…} })["name"]`
function isOneMethod({ properties }: ObjectExpression): boolean {
  const [only] = properties;
  return properties.length === 1 && only?.type === 'Property' && only.method && !only.computed;
}

function kindOfClass({ superClass, body }: ClassExpression): SourceKind {
  const isInert = body.body.every((member) => {
    if (member.type === 'StaticBlock') return false;
    if (member.computed && member.key.type !== 'Literal') return false;
    const value = member.type === 'PropertyDefinition' && member.static ? member.value : undefined;
    return !value || value.type === 'Literal';
  });
  return isInert && !superClass ? 'inert class' : 'class';
}
