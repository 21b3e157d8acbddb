/** The address of this package's kernels, wherever an engine has them. */
export const KERNELS = 'directview:kernels';

type AnyFunction = (...args: never[]) => unknown;

/**
 * A function with an address. An engine imports it from there, where it would get other functions as source text.
 * The object is the function itself, so that it passes wherever a function is expected.
 */
export class ModuleFunction {
  /** The module that an engine imports: an absolute URL, a bare package name, or `directview:kernels`. */
  declare readonly url: string;
  /** The name of the export. */
  declare readonly name: string;

  /** @param fn becomes the object: it gets the address as its own properties */
  constructor(url: string, name: string, fn: AnyFunction) {
    // A constructor may return another object. Only a real function has the type 'function'.
    Object.setPrototypeOf(fn, new.target.prototype);
    // biome-ignore lint/correctness/noConstructorReturn: see above
    return Object.defineProperties(fn, { url: { value: url }, name: { value: name } }) as never;
  }
}
Object.setPrototypeOf(ModuleFunction.prototype, Function.prototype);
