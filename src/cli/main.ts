#!/usr/bin/env node
// The `directview` command. Exit codes: 0 done, 1 the work failed, 2 the command line is wrong, 141 nobody reads the output.
import '../util/node-only.ts';
import { CommanderError } from 'commander';
import { muteForgotten } from '../cluster/launchers/forgotten-engines.ts';
import { buildProgram } from './program.ts';

// It would open Node's inspector, by which every user of this machine could run code here. Before anything else: what comes may take
// long.
process.on('SIGUSR1', () => {});

/** 141 is 128 and the number of SIGPIPE, as 130 is that of Ctrl-C. */
const EXIT = { failed: 1, usage: 2, unread: 141 } as const;

function codeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
  process.stderr.write(`directview: ${error instanceof Error ? error.message : String(error)}\n`);
  return EXIT.failed;
}

// `directview … | head -1`: the reader has gone. The exit handler ends a cluster of this command, and engines of another one
// end what ran for it. Scripts may listen themselves.
function endUnread(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (stream.listenerCount('error') > 1) return;
    if (error.code === 'EPIPE') process.exit(EXIT.unread);
    if (stream === process.stdout) process.stderr.write(`directview: the output cannot be written: ${error.message}\n`);
    process.exit(EXIT.failed);
  });
}

for (const stream of [process.stdout, process.stderr]) endUnread(stream);

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
