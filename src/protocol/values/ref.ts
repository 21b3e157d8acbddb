import { ANYTHING } from '../../util/checks.ts';
import { guarded, takes } from '../../util/signature.ts';

const inspect = Symbol.for('nodejs.util.inspect.custom');

/**
 * An expression that is evaluated in the engine's namespace instead of travelling as a value. It stands for a function to
 * call, for an argument, or for anything inside one.
 */
export class Ref {
  readonly expression: string;

  /** @throws TypeError unless `expression` is a string that is not blank */
  constructor(expression: string) {
    if (typeof expression !== 'string' || expression.trim() === '') {
      throw new TypeError(`ref wants a name or an expression as a string, not ${describe(expression)}`);
    }
    this.expression = expression;
  }

  [inspect](): string {
    return `ref(${JSON.stringify(this.expression)})`;
  }
}

/**
 * A reference to a value that lives on the engines: `view.apply(f, ref('a'))`, `ref('g[1]')`.
 * @throws TypeError unless `expression` is a string that is not blank
 */
export const ref = guarded('ref', takes({ expression: ANYTHING }), function ref(expression: string): Ref {
  return new Ref(expression);
});

function describe(value: unknown): string {
  return typeof value === 'string' ? 'a blank one' : typeof value;
}
