import { type Check, must } from '../../../util/checks.ts';

/** Characters that a shell, or a directive line of a scheduler, cannot take for anything but text. */
const PLAIN = /^[\w.,:=%@+/-]+$/;

/** True if the text means itself in a shell and in a job script: no blank, no quote, no metacharacter, no line break. */
export const isPlainField = (text: string): boolean => PLAIN.test(text);

/** The kind of an option whose text goes into a job as it is. */
export const PLAIN_FIELD: Check = must(
  'plain text without blanks and shell characters',
  (value) => typeof value === 'string' && isPlainField(value),
);

/** Quotes arguments for a POSIX shell, so that each arrives as it is. */
export function posixQuoted(argv: readonly string[]): string {
  return argv.map((arg) => (isPlainField(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`)).join(' ');
}

/** The fields of a job script. Values are plain texts; `command` is quoted for a shell already, and stands alone. */
export interface TemplateFields {
  readonly [field: string]: string | number | undefined;
  /** The agent's command line, from `posixQuoted`. */
  readonly command: string;
}

/**
 * Fills the `{fields}` of a job script of the user's. A field of two braces, `{{x}}`, stays `{x}`; shells' `${x}` stays, too.
 * @throws TypeError for a template without `{command}`, an unknown field, or a value that is not plain text
 */
export function fillTemplate(template: string, fields: TemplateFields): string {
  if (!template.includes('{command}')) throw new TypeError('the template has no {command}: no agent would start');
  return template.replace(/\{\{(\w+)\}\}|(?<!\$)\{(\w+)\}/g, (_, literal: string | undefined, name: string) =>
    literal === undefined ? valueIn(name, fields) : `{${literal}}`,
  );
}

function valueIn(name: string, fields: TemplateFields): string {
  if (!Object.hasOwn(fields, name) || fields[name] === undefined)
    throw new TypeError(`the template has an unknown field {${name}}: there are ${namesOf(fields)}`);
  const text = String(fields[name]);
  if (name === 'command' || isPlainField(text)) return text;
  throw new TypeError(
    `the field {${name}} must be plain text, without blanks and shell characters, not ${JSON.stringify(text)}`,
  );
}

const namesOf = (fields: TemplateFields): string =>
  Object.keys(fields)
    .filter((name) => fields[name] !== undefined)
    .map((name) => `{${name}}`)
    .join(', ');
