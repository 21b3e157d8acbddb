#!/usr/bin/env node
// The `directview` command. Exit codes: 0 done, 1 the work failed, 2 the command line is wrong.
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { COMMANDS } from './commands.ts';

const EXIT = { failed: 1, usage: 2 } as const;

function version(): string {
  const path = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** The whole command line, with only the wanted command's file loaded. */
async function build(wanted: string | undefined): Promise<Command> {
  const program = new Command('directview').description(
    'Multiplexes numeric work over engines with a GPU context each.',
  );
  program.version(version()).exitOverride().showHelpAfterError('(directview --help, directview <command> --help)');
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = program.command(name).description(summary).allowExcessArguments(false);
    if (name === wanted) (await load()).define(command);
  }
  return program;
}

function codeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  process.stderr.write(`directview: ${error instanceof Error ? error.message : String(error)}\n`);
  return EXIT.failed;
}

async function main(args: readonly string[]): Promise<void> {
  const program = await build(args.find((arg) => !arg.startsWith('-')));
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = codeOf(error);
  }
}

await main(process.argv.slice(2));
