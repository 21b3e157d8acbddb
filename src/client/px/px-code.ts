import { functionSource } from '../../protocol/values/functions.ts';
import { Ref } from '../../protocol/values/ref.ts';

/**
 * The source text of a px template: as typed (escapes are the engine's to read), `${value}` as the literal of the value, `${ref('a')}` as `a`.
 * @throws TypeError for a value that has no literal
 */
export function codeOf(code: string | TemplateStringsArray, values: readonly unknown[]): string {
  if (typeof code === 'string') {
    if (values.length === 0) return code;
    throw new TypeError('px takes one source text, or a template with values; its settings go to px.with({ … })');
  }
  if (!Array.isArray(code?.raw)) throw new TypeError('px wants source text: px`a = 5` or px("a = 5")');
  const parts = code.raw.map((part) => part.replace(/\\(`|\$\{)/g, '$1'));
  return parts.map((part, i) => (i < values.length ? part + literal(values[i]) : part)).join('');
}

/** Source text that gives an equal value on the engine. @throws TypeError naming the remedy */
export function literal(value: unknown): string {
  if (value instanceof Ref) return value.expression;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `(${functionSource(value as (...args: never[]) => unknown)})`;
  if (value === undefined || value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  return objectLiteral(value);
}

function objectLiteral(value: unknown): string {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) {
    throw new TypeError('px writes plain values into its source; push anything else under a name: view.push({ a })');
  }
  const entries = Object.entries(value).map(([key, item]) => `[${JSON.stringify(key)}]: ${literal(item)}`);
  return `({ ${entries.join(', ')} })`;
}
