import { createRequire } from 'node:module';

/** The helpers of tsc by name, and the one that esbuild's helpers make objects of. */
interface TsLib extends Readonly<Record<string, unknown>> {
  readonly __await: new (value: unknown) => object;
}

let loaded: TsLib | undefined;

/** The helpers of tsc. They are loaded at the first use. */
export function tslib(): TsLib {
  loaded ??= createRequire(import.meta.url)('tslib') as TsLib;
  return loaded;
}
