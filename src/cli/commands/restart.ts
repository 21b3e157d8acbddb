// `directview restart`: ends engines of a running cluster, and starts new ones under the same ids.
import type { Command } from 'commander';
import { addEngineVerb } from '../engine-verb.ts';

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addEngineVerb(command, { done: 'restarted', run: (rc, ids) => rc.restart(ids) });
}
