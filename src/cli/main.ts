#!/usr/bin/env node
// The `directview` command. Exit codes: 0 done, 1 the work failed, 2 the command line is wrong.
import '../util/node-only.ts';
import { CommanderError } from 'commander';
import { muteForgotten } from '../cluster/launchers/forgotten-engines.ts';
import { buildProgram } from './program.ts';

const EXIT = { failed: 1, usage: 2 } as const;

function codeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  process.stderr.write(`directview: ${error instanceof Error ? error.message : String(error)}\n`);
  return EXIT.failed;
}

// Commands end the clusters that they start.
muteForgotten();

async function main(args: readonly string[]): Promise<void> {
  const program = await buildProgram(args);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = codeOf(error);
  }
}

await main(process.argv.slice(2));
