// `directview interrupt`: ends what runs on the engines of a running cluster.
import type { Command } from 'commander';
import { addEngineVerb } from '../../engine-verb.ts';

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addEngineVerb(command, { done: 'interrupted', run: (rc, ids) => rc.interrupt(ids, { all: true }) });
}
