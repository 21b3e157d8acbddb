// `directview restart`: ends engines of a running cluster, and starts new ones under the same ids, also for those that died.
import type { Command } from 'commander';
import { addEngineVerb } from '../../engine-verb.ts';

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addEngineVerb(command, { done: 'restarted', revives: true, run: (rc, ids) => rc.restart(ids) });
}
