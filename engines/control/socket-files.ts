import { rmdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { EngineOptions } from '../../src/protocol/engine-options.ts';

const FILE = /^unix:\/\//;

/** The endpoints that an engine binds. */
export type Endpoints = Pick<EngineOptions, 'tasks' | 'control' | 'peers' | 'near'>;

/** Removes the socket files of `unix://` endpoints, and their folder if it is empty then. Never throws. */
export function removeSocketFiles({ tasks, control, peers, near = '' }: Endpoints): void {
  const paths = [tasks, control, peers, near].filter((e) => FILE.test(e)).map((e) => e.replace(FILE, ''));
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
