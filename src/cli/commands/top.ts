// `directview top`: the engines and tasks of a running cluster in a terminal, anew each second.
import type { Command } from 'commander';
import { Client } from '../../client/client.ts';
import { Observer } from '../../dashboard/observer.ts';
import { screenOf } from '../../dashboard/terminal.ts';
import { addClusterArgument, type ClusterChoice } from '../arguments.ts';
import { findCluster } from '../find-cluster.ts';

interface Flags extends ClusterChoice {
  readonly once?: true;
  readonly json?: true;
}

const HELP = `
q or Ctrl-C ends it. Where the output is no terminal, it prints one look, as with --once.
`;
/** The other screen of the terminal, without a cursor; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const CLEAR_REST = '\u001b[J';
const CLEAR_LINE = '\u001b[K';
/** Milliseconds between the two looks that rates need. */
const RATE_MS = 1000;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addClusterArgument(command);
  command.option('--once', 'print one look and end');
  command.option('--json', 'one look, as JSON');
  command.addHelpText('after', HELP);
  command.action(async (name: string | undefined, flags: Flags) => {
    const cluster = findCluster(name ?? flags.cluster);
    const rc = await Client.connect(cluster.path);
    const observer = new Observer(rc, { history: 1 });
    try {
      if (flags.once || flags.json || !process.stdout.isTTY) await once(observer, cluster.name, flags.json === true);
      else await follow(observer, rc, cluster.name);
    } finally {
      observer.close();
      await rc.close();
    }
  });
}

async function once(observer: Observer, cluster: string, asJson: boolean): Promise<void> {
  await observer.look();
  await new Promise((resolve) => setTimeout(resolve, RATE_MS));
  const snapshot = await observer.look();
  const { failures } = observer;
  const facts = { cluster, snapshot, failures };
  process.stdout.write(asJson ? `${JSON.stringify({ ...facts }, null, 2)}\n` : `${screenOf(facts).join('\n')}\n`);
}

/** Draws until q, Ctrl-C, or the end of the cluster. */
async function follow(observer: Observer, rc: Client, cluster: string): Promise<void> {
  const { stdin, stdout } = process;
  stdout.write(ENTER);
  if (stdin.isTTY) stdin.setRawMode(true);
  try {
    await new Promise<void>((resolve) => {
      stdin.on('data', (key) => ['q', 'Q', '\u0003'].includes(key.toString()) && resolve());
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
      rc.onEvent(({ type }) => type === 'cluster-lost' && resolve(), { tasks: false });
      observer.on(({ snapshot }) => {
        const size = { columns: stdout.columns, rows: stdout.rows };
        const lines = screenOf({ cluster, snapshot, failures: observer.failures, ...size });
        stdout.write(HOME + lines.map((line) => line + CLEAR_LINE).join('\r\n') + CLEAR_REST);
      });
    });
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
    stdout.write(LEAVE);
  }
}
