// `directview repl`: runs Node's REPL with a connected client and px commands.
import type { Command } from 'commander';
import { pdot } from '../../client/pdot/pdot.ts';
import { Cluster } from '../../cluster/cluster.ts';
import { fromModule } from '../../protocol/values/module-function.ts';
import { ref } from '../../protocol/values/ref.ts';
import { range, tensor } from '../../tensor/convert.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { addClusterOptions, addOldCount, type ClusterFlags } from '../engine-flags.ts';
import { INTERRUPTED } from '../interrupt.ts';
import { Shell } from '../repl/shell.ts';
import { type Session, withCluster } from '../with-cluster.ts';

const GLOBALS = { Cluster, fromModule, pdot, range, ref, Tensor, tensor };

const HELP = `
The session has rc (the client), view (all engines), Cluster, Tensor, tensor, range, ref, fromModule, pdot.
  %px CODE        runs CODE on the engines and prints their output
  %%px            the same for the lines up to an empty one
  %autopx         every line runs on the engines, until the next %autopx
  %pxresult       shows the last result again
  %pxconfig       sets the defaults; without options shows them
Options: -t ENGINES (0 · 0,2 · ::2 · all), --block/--noblock (-b/-a), --stream/--no-stream,
  --group-outputs type|engine|order (-e, -r), --verbose (-v), --progress-after SECONDS, --local, -o NAME,
  --signal-on-interrupt SIGINT|0. Before the code of %px only the long ones and -t count.
Ctrl-C interrupts the engines while a px runs.
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addClusterOptions(command);
  addOldCount(command);
  command.addHelpText('after', HELP);
  command.action((flags: ClusterFlags) => withCluster(flags, repl));
}

async function repl({ rc, origin, close }: Session): Promise<void> {
  const { stdin: input, stdout: output, stderr: errors } = process;
  output.write(
    `directview: ${rc.length} engine${rc.length === 1 ? '' : 's'} of ${origin}; %px CODE runs on all of them\n`,
  );
  const shell = new Shell(rc, { input, output, errors }, GLOBALS);
  // Without a terminal there are no keys, and Ctrl-C arrives as a signal.
  const leave = () => shell.interrupt() || void close().then(() => process.exit(INTERRUPTED));
  process.on('SIGINT', leave);
  await shell.closed;
  process.off('SIGINT', leave);
}
