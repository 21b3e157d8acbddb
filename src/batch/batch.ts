import { READ } from '../../kernels/signatures.ts';
import { Client } from '../client/client.ts';
import {
  type Check,
  FLAG,
  FUNCTION,
  isPlainObject,
  must,
  optionsOf,
  type Rules,
  SIGNAL,
  TEXTS,
  TIME_TO_RUN,
  wordOf,
} from '../util/checks.ts';
import { guarded, promises } from '../util/signature.ts';
import type { BatchOptions } from './batch-options.ts';
import { BatchSession } from './batch-session.ts';
import type { BatchSummary } from './batch-summary.ts';
import type { OperationReference } from './plan/operation-reference.ts';

const NUMBER: Check = must('a number', (value) => typeof value === 'number');
const OBJECT: Check = must('an object', isPlainObject);
const PATH: Check = must('a path that is not empty', (value) => typeof value === 'string' && value !== '');

const OPTIONS: Rules<BatchOptions & { readonly client: Client }> = {
  client: must('a client: await cluster.connect()', (value) => value instanceof Client),
  out: PATH,
  json: PATH,
  csv: PATH,
  sheet: PATH,
  html: PATH,
  endings: TEXTS,
  include: TEXTS,
  exclude: TEXTS,
  hidden: FLAG,
  params: OBJECT,
  read: optionsOf(READ),
  root: PATH,
  format: wordOf('png', 'jpeg', 'webp', 'tiff'),
  quality: NUMBER,
  maxSize: NUMBER,
  marks: OBJECT,
  skipExisting: FLAG,
  retryFailed: FLAG,
  overwrite: FLAG,
  runTimeout: TIME_TO_RUN,
  signal: SIGNAL,
  onRecord: FUNCTION,
  onProgress: FUNCTION,
};

const OPERATION = must(
  "a function, a module's path or URL, or 'corners'",
  (value) => typeof value === 'function' || value instanceof URL || (typeof value === 'string' && value !== ''),
);
const PICTURES = must(
  'a file, a folder or a glob, or several of them',
  (value) =>
    typeof value === 'string' ||
    (typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)),
);
const BATCH = promises({ operation: OPERATION, pictures: PICTURES, options: optionsOf(OPTIONS, lacksClient) });

// Undefined stands for absent, and without a client nothing can run.
function lacksClient(options: unknown): boolean {
  if (!isPlainObject(options) || options['client'] !== undefined) return false;
  throw new TypeError('batch: client is missing in the options: batch(operation, pictures, { client: rc })');
}

/**
 * Does an operation on pictures, load-balanced on the engines of a client, and writes its results as they arrive. A bad
 * picture costs no other; an engine that dies is started again and its picture is tried once more. Nothing is ever
 * overwritten that no batch has written. `directview batch` is the same on the command line.
 * @param operation a function that travels as source text, a module's path or URL, `fromModule(…)`, or 'corners'
 * @param pictures a file, a folder or a glob, or several of them
 * @throws ClusterError for outputs that cannot be written or would overwrite something, before any work starts
 * @example
 * const { done, failures } = await batch('./edges.js', 'photos', { client: rc, out: 'edges', json: 'edges.jsonl' });
 */
export const batch = guarded('batch', BATCH, run);

async function run(
  operation: OperationReference,
  pictures: string | Iterable<string> | AsyncIterable<string>,
  options: BatchOptions & { readonly client: Client },
): Promise<BatchSummary> {
  const { client, ...rest } = options;
  const session = await BatchSession.open(operation, pictures, rest);
  if (session.plan.work.length > 0) await session.run(client);
  return session.finish();
}
