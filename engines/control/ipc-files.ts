import { rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';

const IPC = 'ipc://';

/** Removes the socket files of `ipc://` endpoints, and their folder if it is empty then. Never throws. */
export function removeSocketFiles(endpoints: readonly string[]): void {
  const paths = endpoints.filter((e) => e.startsWith(IPC)).map((e) => e.slice(IPC.length));
  for (const path of paths) attempt(() => rmSync(path, { force: true }));
  for (const folder of new Set(paths.map(dirname))) attempt(() => rmdirSync(folder));
}

function attempt(run: () => void): void {
  try {
    run();
  } catch {
    // The folder is not empty, or already gone.
  }
}
