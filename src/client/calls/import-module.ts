import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Names under which engines import a module: `as` or `names`, not both. */
export interface ImportOptions {
  /** The name on the engines; default: the package's own, in camel case (`@scope/fast-sort` → `fastSort`). */
  readonly as?: string | undefined;
  /** These exports under their names, instead of the module under one. */
  readonly names?: readonly string[] | undefined;
}

const NAME = /^[A-Za-z_$][\w$]*$/;

/**
 * The source text that imports a module as people use it: its default export where there is one (CommonJS packages, Node's own), else all exports.
 * @throws TypeError for a relative path, and for a name other than an identifier
 */
export function importCode(specifier: string, options: ImportOptions): string {
  if (options.as !== undefined && options.names !== undefined) {
    throw new TypeError('importModule takes `as` (one name for the module) or `names` (of its exports), not both');
  }
  const from = `await import(${JSON.stringify(resolve(specifier))})`;
  if (options.names !== undefined) return `const { ${options.names.map(checked).join(', ')} } = ${from};`;
  return `const ${checked(options.as ?? nameOf(specifier))} = ((m) => 'default' in m ? m.default : m)(${from});`;
}

function resolve(specifier: string): string {
  if (typeof specifier !== 'string' || specifier === '')
    throw new TypeError('importModule wants a package, path or URL');
  if (specifier.startsWith('.')) {
    throw new TypeError(`importModule cannot resolve ${specifier}: pass new URL('${specifier}', import.meta.url).href`);
  }
  return isAbsolute(specifier) ? pathToFileURL(specifier).href : specifier;
}

function nameOf(specifier: string): string {
  const last = specifier.split(/[/:]/).at(-1) as string;
  return last.replace(/\.[cm]?[jt]s$/, '').replace(/[-.]+(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function checked(name: string): string {
  if (NAME.test(name)) return name;
  throw new TypeError(`'${name}' cannot name a module: give another, importModule(…, { as: 'name' })`);
}
