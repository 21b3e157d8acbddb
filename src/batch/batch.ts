import type { Client } from '../client/client.ts';
import type { BatchOptions } from './batch-options.ts';
import { BatchSession } from './batch-session.ts';
import type { BatchSummary } from './batch-summary.ts';
import type { OperationReference } from './plan/operation-reference.ts';

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
export async function batch(
  operation: OperationReference,
  pictures: string | Iterable<string> | AsyncIterable<string>,
  options: BatchOptions & { readonly client: Client },
): Promise<BatchSummary> {
  const { client, ...rest } = options;
  const session = await BatchSession.open(operation, pictures, rest);
  if (session.plan.work.length > 0) await session.run(client);
  return session.finish();
}
