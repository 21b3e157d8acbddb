// Another checkout of this package, such as the commit before: its own client and engines, in the process of the benchmark.
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Client, Cluster } from 'directview';

/** A cluster of the other checkout. */
export interface Before extends AsyncDisposable {
  readonly rc: Client;
}

/** Starts it. `folder`: where its package.json is; undefined: nothing is measured. @throws Error where it is not built */
export async function openBefore(folder: string | undefined, engines: number): Promise<Before | undefined> {
  if (folder === undefined) return undefined;
  const entry = pathToFileURL(join(resolve(folder), 'dist', 'src', 'index.js')).href;
  const other = (await import(entry)) as { readonly Cluster: typeof Cluster };
  const cluster = await other.Cluster.start({ engines });
  const rc = await cluster.connect();
  return {
    rc,
    [Symbol.asyncDispose]: async () => {
      await rc.close();
      await cluster[Symbol.asyncDispose]();
    },
  };
}
