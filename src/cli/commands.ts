// The table of commands: each has one file, loaded when it is called.
import type { Command } from 'commander';

export interface CommandModule {
  /** Adds arguments, options and the action to a fresh command. */
  define(command: Command): void;
}

export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  start: { summary: 'start a cluster and keep it running', load: () => import('./start.ts') },
  stop: { summary: 'stop a cluster, or all', load: () => import('./stop.ts') },
  list: { summary: 'list the running clusters', load: () => import('./list.ts') },
  status: { summary: 'show the engines of a cluster', load: () => import('./status.ts') },
  px: { summary: 'run source text on the engines and print what they say', load: () => import('./px.ts') },
  run: { summary: 'run a batch script with a connected client', load: () => import('./run.ts') },
  repl: { summary: 'an interactive session with px commands', load: () => import('./repl.ts') },
  corners: { summary: 'find the corners in photographs', load: () => import('./corners.ts') },
  pdot: {
    summary: 'multiply two random matrices over the engines, time and check it',
    load: () => import('./pdot.ts'),
  },
  engine: { summary: 'add one engine to a running cluster', load: () => import('./engine.ts') },
};
