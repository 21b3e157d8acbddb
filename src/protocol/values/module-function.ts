import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ANYTHING, must } from '../../util/checks.ts';
import { ModuleFunction } from '../../util/module-function.ts';
import { guarded, takes } from '../../util/signature.ts';

const EXPORT = must('the name of an export', (value) => typeof value === 'string' && value !== '');

/**
 * The function that the module `url` exports as `name`, imported on the engine. Unlike a function that travels as source
 * text, it finds the imports and the variables of its module there. Calling it here throws TypeError.
 * @param url a URL, an absolute path, or the name of a package
 * @throws TypeError for a relative path, which the engine would resolve against a file of its own
 * @example
 * const blurred = await engines.map(fromModule(new URL('./steps.js', import.meta.url), 'blur'), pictures);
 * // With the function's type TypeScript checks the arguments and knows the value:
 * const blur = fromModule<typeof import('./steps.js').blur>(new URL('./steps.js', import.meta.url), 'blur');
 */
export const fromModule = guarded('fromModule', takes({ url: ANYTHING }, { name: EXPORT }), addressed);

function addressed<F extends (...args: never[]) => unknown = (...args: unknown[]) => unknown>(
  url: string | URL,
  name = 'default',
): F & ModuleFunction {
  const address = addressOf(url);
  return new ModuleFunction(address, name, refusal(address, name)) as F & ModuleFunction;
}

function addressOf(url: string | URL): string {
  if (url instanceof URL) return url.href;
  if (typeof url !== 'string' || url === '') throw new TypeError('fromModule wants a URL, a path or a package name');
  if (url.startsWith('.')) {
    throw new TypeError(`fromModule cannot resolve ${url}: pass new URL('${url}', import.meta.url)`);
  }
  return isAbsolute(url) ? pathToFileURL(url).href : url;
}

function refusal(url: string, name: string): () => never {
  return () => {
    throw new TypeError(`${name} of ${url} runs on engines: pass it to apply, map or call`);
  };
}
