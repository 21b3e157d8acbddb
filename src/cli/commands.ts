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
  start: { summary: 'start a cluster and keep it running', load: () => import('./commands/start.ts') },
  stop: { summary: 'stop a cluster, or all', load: () => import('./commands/stop.ts') },
  list: { summary: 'list the running clusters', load: () => import('./commands/list.ts') },
  status: { summary: 'show the engines of a cluster', load: () => import('./commands/status.ts') },
  px: { summary: 'run source text on the engines and print what they say', load: () => import('./commands/px.ts') },
  run: { summary: 'run a batch script with a connected client', load: () => import('./commands/run.ts') },
  repl: { summary: 'an interactive session with px commands', load: () => import('./commands/repl.ts') },
  corners: { summary: 'find the corners in photographs', load: () => import('./commands/corners.ts') },
  pdot: {
    summary: 'multiply two random matrices over the engines, time and check it',
    load: () => import('./commands/pdot.ts'),
  },
  engine: { summary: 'add one engine to a running cluster', load: () => import('./commands/engine.ts') },
};
