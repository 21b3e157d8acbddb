import type { ReadPictureOptions } from '../pictures/read-picture.ts';
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
}

/** The operation of a source. @throws TypeError for a module without one; any error of the module */
export async function loadOperation(source: OperationSource): Promise<LoadedOperation> {
  if ('fn' in source) return whole({ operation: source.fn }, 'the function');
  if ('builtIn' in source) return whole(await import('./corners.ts'), source.builtIn);
  return whole((await import(source.module)) as OperationModule, source.module);
}

function whole(module: OperationModule, name: string): LoadedOperation {
  const operation = module.operation ?? module.default;
  if (typeof operation !== 'function') {
    throw new TypeError(`${name} exports no operation: export async function operation(picture, { tf, params }) { … }`);
  }
  return { operation, read: module.read ?? {}, params: module.params ?? {} };
}
