/** Escape sequences before and after a text, as util.inspect has them; the label is red as in ipyparallel. */
const STYLES = {
  label: [31, 39],
  string: [32, 39],
  number: [33, 39],
  special: [36, 39],
  symbol: [32, 39],
  undefined: [90, 39],
  null: [1, 22],
} as const;

/** The name of a style. */
export type TextStyle = keyof typeof STYLES;

/** The text in that style. */
export function colored(text: string, style: TextStyle): string {
  const [before, after] = STYLES[style];
  return `\x1b[${before}m${text}\x1b[${after}m`;
}

// Words and keys that contain a number or a value's name are matched first, so that they stay as they are.
const TOKEN =
  /(?<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`)|(?<special>\[(?:Function|class|AsyncFunction|Getter|Circular)[^\]\n]*\])|(?<symbol>Symbol\([^)\n]*\))|(?<number>(?<![\w$.×])-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?n?|Infinity|NaN)(?![\w$×.[])|\b(?:true|false)\b(?!:))|(?<undefined>\bundefined\b(?!:))|(?<null>\bnull\b(?!:))/g;

/** A value's text, as util.inspect wrote it without colours, with the colours that it would have. */
export function coloredValue(text: string): string {
  return text.replace(TOKEN, (token, ...rest) => {
    const groups = rest.at(-1) as Record<TextStyle, string | undefined>;
    const style = (Object.keys(groups) as TextStyle[]).find((name) => groups[name] !== undefined);
    return style === undefined ? token : colored(token, style);
  });
}
