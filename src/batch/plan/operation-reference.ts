import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BuiltIn, OperationSource } from '../../../kernels/batch/load-operation.ts';
import type { Operation } from '../../../kernels/batch/operation.ts';
import { ClusterError } from '../../errors.ts';
import { ModuleFunction } from '../../util/module-function.ts';
import { CORNERS_CSV, type CsvForm, FIELDS_CSV } from '../results/csv.ts';
import { digestOf } from './digest.ts';

/**
 * An operation: a function, which travels to the engines as source text; a function of `fromModule`; the path or the URL
 * of a module that exports `operation`; or the name of one that comes with the package: `corners`.
 */
export type OperationReference = Operation | ModuleFunction | string | URL;

/** An operation as a batch uses it. */
export interface ResolvedOperation {
  /** For people. */
  readonly name: string;
  readonly source: OperationSource;
  /** Equal for the same code. */
  readonly identity: string;
  readonly csv: CsvForm;
  /** The file of its module, if it has one. */
  readonly file?: string | undefined;
}

/** Digests of earlier versions stop counting when the results of an operation change. */
const VERSIONS: Readonly<Record<BuiltIn, number>> = { corners: 4 };

/** Finds an operation. @throws ClusterError when there is no such module */
export function resolveOperation(reference: OperationReference): ResolvedOperation {
  if (typeof reference === 'string' && Object.hasOwn(VERSIONS, reference)) {
    const name = reference as BuiltIn;
    return { name, source: { builtIn: name }, identity: `${name}@${VERSIONS[name]}`, csv: CORNERS_CSV };
  }
  if (typeof reference === 'string') return ofFile(pathToFileURL(resolve(reference)));
  if (reference instanceof URL) return ofFile(reference);
  if (reference instanceof ModuleFunction) return ofModuleFunction(reference as ModuleFunction & Operation);
  const identity = digestOf(reference.toString());
  return { name: reference.name || 'the operation', source: { fn: reference }, identity, csv: FIELDS_CSV };
}

function ofFile(url: URL): ResolvedOperation {
  if (url.protocol !== 'file:')
    return { name: url.href, source: { module: url.href }, identity: url.href, csv: FIELDS_CSV };
  const file = fileURLToPath(url);
  if (!existsSync(file)) {
    throw new ClusterError(`there is no operation ${file}: name a module that exports one, or 'corners'`);
  }
  const identity = digestOf(readFileSync(file, 'utf8'));
  return { name: file, source: { module: url.href }, identity, csv: FIELDS_CSV, file };
}

function ofModuleFunction(reference: ModuleFunction & Operation): ResolvedOperation {
  const { url, name } = reference;
  const code = url.startsWith('file:') ? readFileSync(fileURLToPath(url), 'utf8') : url;
  return { name, source: { fn: reference }, identity: digestOf([code, name]), csv: FIELDS_CSV };
}
