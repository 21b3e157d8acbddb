import { fileURLToPath } from 'node:url';
import type { ReadPictureOptions } from '../pictures/read-picture.ts';
import type { DrawTime } from './drawings.ts';
import type { Operation, OperationModule } from './operation.ts';

/** An operation as a job names it: a module's URL, the name of one that comes with the package, or a function. */
export type OperationSource = { readonly module: string } | { readonly builtIn: BuiltIn } | { readonly fn: Operation };

/** The operations that come with the package. */
export type BuiltIn = 'corners';

/** An operation with its parameters and its way of reading pictures. */
export interface LoadedOperation {
  readonly operation: Operation;
  readonly read: ReadPictureOptions;
  readonly params: Readonly<Record<string, unknown>>;
  /** When its pictures are read. Those of the operations that come with the package are never on the device. */
  readonly draws: DrawTime;
}

/** Begins the message of an operation that cannot be loaded: no picture of its batch can be done. */
export const UNLOADABLE = 'cannot load the operation';

const loaded = new Map<string, Promise<LoadedOperation>>();
let hasLoader = false;

/** The operation of a source. @throws TypeError that begins with `UNLOADABLE` */
export async function loadOperation(source: OperationSource): Promise<LoadedOperation> {
  if ('fn' in source) return whole({ operation: source.fn }, 'the function');
  if ('builtIn' in source) return { ...whole(await import('./corners.ts'), source.builtIn), draws: 'later' };
  const { module } = source;
  if (!loaded.has(module)) loaded.set(module, load(module));
  return loaded.get(module) as Promise<LoadedOperation>;
}

async function load(url: string): Promise<LoadedOperation> {
  try {
    const { installHooks } = await import('../../src/util/user-modules/hooks.ts');
    if (!hasLoader && url.startsWith('file:')) installHooks(fileURLToPath(url));
    hasLoader = true;
    return whole((await import(url)) as OperationModule, url);
  } catch (error) {
    const { name, message } = error as Error;
    throw new TypeError(`${UNLOADABLE} ${url}: ${name}: ${message}`, { cause: error });
  }
}

function whole(module: OperationModule, name: string): LoadedOperation {
  const operation = module.operation ?? module.default;
  if (typeof operation !== 'function') {
    throw new TypeError(`${name} exports no operation: export async function operation(picture, { tf, params }) { … }`);
  }
  return { operation, read: module.read ?? {}, params: module.params ?? {}, draws: 'now' };
}
