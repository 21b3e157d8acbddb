// The table of commands. Each has one file, which is loaded only when the command is called.
import type { Command } from 'commander';

/** The file of one command. */
export interface CommandModule {
  /** Adds arguments, options and the action to the command. */
  define(command: Command): void;
}

/** A command as `directview --help` shows it. */
export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/** Every command by its name, in the order of `directview --help`. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  start: { summary: 'start a cluster and keep it running', load: () => import('./commands/start.ts') },
  stop: { summary: 'stop a cluster, or all', load: () => import('./commands/stop.ts') },
  list: { summary: 'list the running clusters', load: () => import('./commands/list.ts') },
  status: { summary: 'show the engines of a cluster', load: () => import('./commands/status.ts') },
  top: { summary: 'follow engines and tasks in the terminal', load: () => import('./commands/top.ts') },
  dashboard: { summary: 'serve a live page about a cluster', load: () => import('./commands/dashboard.ts') },
  logs: { summary: 'print what engines wrote outside of tasks', load: () => import('./commands/engines/logs.ts') },
  interrupt: { summary: 'end the tasks that run on engines', load: () => import('./commands/engines/interrupt.ts') },
  restart: { summary: 'replace engines by new ones', load: () => import('./commands/engines/restart.ts') },
  scale: { summary: 'change the number of engines of a cluster', load: () => import('./commands/engines/scale.ts') },
  adapt: {
    summary: 'have as many engines as the work wants',
    load: () => import('./commands/engines/adapt.ts'),
  },
  px: { summary: 'run source text on the engines and print their output', load: () => import('./commands/px.ts') },
  run: { summary: 'run a script with a connected client', load: () => import('./commands/run.ts') },
  repl: { summary: 'open an interactive session with px commands', load: () => import('./commands/repl.ts') },
  kernel: { summary: 'be a kernel of Jupyter, or install it there', load: () => import('./commands/kernel.ts') },
  corners: { summary: 'find the corners in photographs', load: () => import('./commands/corners.ts') },
  batch: { summary: 'do an operation of your own on pictures', load: () => import('./commands/batch.ts') },
  pdot: { summary: 'multiply two random matrices, time and check it', load: () => import('./commands/pdot.ts') },
  probe: { summary: 'measure what calls, bytes and products cost', load: () => import('./commands/engines/probe.ts') },
  setup: { summary: 'get a native library that npm does not bring', load: () => import('./commands/setup.ts') },
  engine: { summary: 'add one engine to a running cluster', load: () => import('./commands/engines/engine.ts') },
  agent: {
    summary: 'look after the engines of a launcher on this host',
    load: () => import('./commands/engines/agent.ts'),
  },
};
