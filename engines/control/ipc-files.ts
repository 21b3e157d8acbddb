// The socket files of an engine: its own are removed at the end, and their private directory if nobody else uses it.
import { rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

const IPC = 'ipc://';

/** Never throws: at the end of a process there is nobody to tell. */
export function removeSocketFiles(endpoints: readonly string[]): void {
  const paths = endpoints.filter((e) => e.startsWith(IPC)).map((e) => e.slice(IPC.length));
  for (const path of paths) attempt(() => rmSync(path, { force: true }));
  for (const folder of new Set(paths.map(dirname))) attempt(() => rmdirSync(folder));
}

function attempt(run: () => void): void {
  try {
    run();
  } catch {
    // Not empty, or gone.
  }
}
