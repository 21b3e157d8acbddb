// `directview repl`: Node's REPL with a connected client and px commands.
import type { Command } from 'commander';
import { pdot } from '../../client/pdot/pdot.ts';
import { Cluster } from '../../cluster/cluster.ts';
import { fromModule } from '../../protocol/values/module-function.ts';
import { ref } from '../../protocol/values/ref.ts';
import { range, tensor } from '../../tensor/convert.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { count, deviceOptions } from '../arguments.ts';
import { INTERRUPTED } from '../interrupt.ts';
import { Shell } from '../repl/shell.ts';
import { type ClusterFlags, openSession } from '../session.ts';

const GLOBALS = { Cluster, fromModule, pdot, range, ref, Tensor, tensor };

const HELP = `
rc (the client) and view (all engines) are there; Cluster, Tensor, tensor, range, ref, fromModule, pdot as well.
  %px CODE        runs CODE on the engines and prints what each says
  %%px            the same for the lines up to an empty one
  %autopx         every line runs on the engines, until the next %autopx
  %pxresult       shows the last result again
  %pxconfig       sets the defaults; without options shows them
Options: -t ENGINES (0 · 0,2 · ::2 · all), --block/--noblock (-b/-a), --stream/--no-stream,
  --group-outputs type|engine|order (-e, -r), --verbose (-v), --progress-after SECONDS, --local, -o NAME,
  --signal-on-interrupt SIGINT|0. In front of the code of %px only the long ones and -t.
Ctrl-C interrupts the engines while a px runs.
`;

export function define(command: Command): void {
  command.option('--cluster <name>', 'reuse this cluster, or start one of that name');
  command.option('-n, --n <engines>', 'engines of a cluster that is started', count);
  for (const option of deviceOptions()) command.addOption(option);
  command.addHelpText('after', HELP);
  command.action(repl);
}

async function repl(flags: ClusterFlags): Promise<void> {
  const session = await openSession(flags);
  const { stdin: input, stdout: output, stderr: errors } = process;
  try {
    output.write(
      `directview: ${session.rc.length} engine${session.rc.length === 1 ? '' : 's'} of ${session.origin}; %px CODE runs on all of them\n`,
    );
    const shell = new Shell(session.rc, { input, output, errors }, GLOBALS);
    // Without a terminal there are no keys: Ctrl-C comes as a signal.
    const leave = () => shell.interrupt() || void session.close().then(() => process.exit(INTERRUPTED));
    process.on('SIGINT', leave);
    await shell.closed;
    process.off('SIGINT', leave);
  } finally {
    await session.close();
  }
}
