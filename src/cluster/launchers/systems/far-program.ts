import { join } from 'node:path';

/** Where a host has node and this package, where that is elsewhere than here. */
export interface FarPaths {
  readonly node?: string | undefined;
  /** The folder of this package. */
  readonly path?: string | undefined;
}

/** An agent's command with the paths of another host. */
export function farProgram([program = '', main = '', ...rest]: readonly string[], { node, path }: FarPaths): string[] {
  return [node ?? program, path === undefined ? main : join(path, 'dist/src/cli/main.js'), ...rest];
}
