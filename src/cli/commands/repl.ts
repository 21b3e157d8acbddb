// `directview repl`: an interactive session with a connected client and px commands.
import type { Command } from 'commander';
import { pdot } from '../../client/pdot/pdot.ts';
import { Cluster } from '../../cluster/cluster.ts';
import { fromModule } from '../../protocol/values/module-function.ts';
import { ref } from '../../protocol/values/ref.ts';
import { range, tensor } from '../../tensor/convert.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { installLoader } from '../../util/user-modules/hooks.ts';
import { addClusterOptions, addOldCount, type ClusterFlags } from '../engine-flags.ts';
import { INTERRUPTED } from '../interrupt.ts';
import { MAGICS_HELP } from '../repl/help.ts';
import { historyPath } from '../repl/history.ts';
import { Shell } from '../repl/shell.ts';
import { type Session, withCluster } from '../with-cluster.ts';

const GLOBALS = { Cluster, fromModule, pdot, range, ref, Tensor, tensor };

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
    await withCluster(flags, repl);
    process.exit(); // a timer or a server of the user must not keep the session
  });
}

async function repl({ rc, origin, close }: Session): Promise<void> {
  installLoader(null);
  muteLoaderWarning();
  const { stdin: input, stdout: output, stderr: errors } = process;
  output.write(
    `directview: ${rc.length} engine${rc.length === 1 ? '' : 's'} of ${origin}; %px CODE runs on all of them\n`,
  );
  const streams = { input, output, errors };
  const shell = new Shell({ rc, names: GLOBALS, streams, history: historyPath() });
  // Without a terminal there are no keys, and Ctrl-C arrives as a signal.
  const leave = () => shell.interrupt() || void close().then(() => process.exit(INTERRUPTED));
  process.on('SIGINT', leave);
  await shell.closed;
  process.off('SIGINT', leave);
}

/** Node 20 warns that imports of evaluated code are experimental; its own REPL does not. */
function muteLoaderWarning(): void {
  const listeners = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (!warning.message.includes('USE_MAIN_CONTEXT_DEFAULT_LOADER'))
      for (const listener of listeners) listener(warning);
  });
}
