// ModuleFunction: a function that does not travel as source; the engine imports the module that exports it.
import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';

type Callable = (...args: never[]) => unknown;

/** The kernels of this package, wherever an engine has them. */
export const KERNELS = 'directview:kernels';

/** A callable stand-in, so that it passes wherever a function is expected; calling it here throws TypeError. */
export class ModuleFunction {
  /** The module that the engine imports: an absolute URL, a bare package name, or `directview:kernels`. */
  declare readonly url: string;
  /** The export. */
  declare readonly name: string;

  constructor(url: string, name: string, standIn: Callable = refusal(url, name)) {
    // A class constructor may return another object; only a real function has typeof 'function'.
    Object.setPrototypeOf(standIn, new.target.prototype);
    // biome-ignore lint/correctness/noConstructorReturn: see above
    return Object.defineProperties(standIn, { url: { value: url }, name: { value: name } }) as never;
  }
}
Object.setPrototypeOf(ModuleFunction.prototype, Function.prototype);

function refusal(url: string, name: string): () => never {
  return () => {
    throw new TypeError(`${name} of ${url} runs on engines: pass it to apply, map or call`);
  };
}

/** A function that kernels/index.ts exports under its own name: callable here, and imported by engines. */
export function kernelFunction<F extends Callable>(fn: F): F & ModuleFunction {
  // A function of its own: the kernel itself stays as it is.
  return new ModuleFunction(KERNELS, fn.name, (...args) => fn(...args)) as F & ModuleFunction;
}

/**
 * The function that `url` exports as `name`, imported on the engine: closures and imports of that module work there.
 * `fromModule<typeof import('./steps.js').blur>(new URL('./steps.js', import.meta.url), 'blur')` keeps its type.
 * @param url a URL, an absolute path, or a bare package name
 * @throws TypeError for a relative path, which the engine would resolve against its own file
 */
export function fromModule<F extends Callable = (...args: never[]) => unknown>(
  url: string | URL,
  name = 'default',
): F & ModuleFunction {
  if (typeof name !== 'string' || name === '') throw new TypeError('fromModule wants the name of an export');
  return new ModuleFunction(resolve(url), name) as F & ModuleFunction;
}

function resolve(url: string | URL): string {
  if (url instanceof URL) return url.href;
  if (typeof url !== 'string' || url === '') throw new TypeError('fromModule wants a URL, a path or a package name');
  if (url.startsWith('.')) {
    throw new TypeError(`fromModule cannot resolve ${url}: pass new URL('${url}', import.meta.url)`);
  }
  return isAbsolute(url) ? pathToFileURL(url).href : url;
}
