// `directview repl`: an interactive session with a connected client and px commands.
import type { Command } from 'commander';
import { addClusterOptions, addOldCount, type ClusterFlags } from '../engine-flags.ts';
import { INTERRUPTED } from '../interrupt.ts';
import { GLOBALS, prepareEvaluation } from '../repl/globals.ts';
import { MAGICS_HELP } from '../repl/help.ts';
import { historyPath } from '../repl/history.ts';
import { KERNEL_NODE_OPTIONS } from '../repl/jupyter/kernel-spec.ts';
import { Shell } from '../repl/shell.ts';
import { withNodeOptions } from '../repl/signals/own-process.ts';
import { openSession, type Session } from '../with-cluster.ts';

const HELP = `
The session has rc (the client), view (all engines), Cluster, Tensor, tensor, range, ref, fromModule, pdot.
${MAGICS_HELP}Ctrl-C interrupts the engines while a px runs. Lines are kept for the next session in $DIRECTVIEW_REPL_HISTORY
(default: ~/.local/state/directview/repl_history; empty: not kept).
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addClusterOptions(command);
  addOldCount(command);
  command.addHelpText('after', HELP);
  command.action(async (flags: ClusterFlags) => {
    // Ctrl-C may end a loop in a timer, which Node's own checks would take for a fault.
    const code = process.stdin.isTTY ? await withNodeOptions(KERNEL_NODE_OPTIONS) : undefined;
    if (code !== undefined) process.exit(code);
    const session = await openSession(flags);
    try {
      await repl(session);
    } finally {
      await session.close();
    }
    process.exit(); // a timer or a server of the user must not keep the session
  });
}

async function repl({ rc, cluster, origin, close }: Session): Promise<void> {
  prepareEvaluation();
  const { stdin: input, stdout: output, stderr: errors } = process;
  output.write(
    `directview: ${rc.length} engine${rc.length === 1 ? '' : 's'} of ${origin}; %px CODE runs on all of them\n`,
  );
  const streams = { input, output, errors };
  const shell = new Shell({ rc, names: { ...GLOBALS, ...(cluster && { cluster }) }, streams, history: historyPath() });
  const leave = () => shell.pressed() || void close().then(() => process.exit(INTERRUPTED));
  process.on('SIGINT', leave);
  await shell.closed;
  process.off('SIGINT', leave);
}
