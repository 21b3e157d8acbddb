/** Two braces stand for one, two dollars for one; `{expression}`; `$name` and `$name.member`. */
const PLACE = /\{\{|\}\}|\{([^{}]*)\}|\$\$|\$([A-Za-z_][\w.]*)/g;

/**
 * Text with values in it, as IPython expands the lines of its magics: `{expression}`, `$name`, `$name.member`. `{{`, `}}`
 * and `$$` stand for one such character. Text within which an expression fails stays as it is.
 */
export function expanded(text: string, evaluate: (expression: string) => unknown): string {
  try {
    return text.replace(PLACE, (found: string, expression?: string, name?: string) => {
      const wanted = expression ?? name;
      if (wanted === undefined) return found.slice(1);
      return textOf(evaluate(wanted));
    });
  } catch {
    return text;
  }
}

// A list of engines reads `0,2`, as options take it.
function textOf(value: unknown): string {
  if (value === undefined) throw new TypeError('nothing has this name');
  return String(value);
}
