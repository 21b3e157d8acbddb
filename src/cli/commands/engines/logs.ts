// `directview logs`: prints what engines of a running cluster wrote outside of tasks.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ListedCluster } from '../../../cluster/files/cluster-file.ts';
import { isGone } from '../../../cluster/files/process-identity.ts';
import { addedText, engineOfLog, logPath, readLog } from '../../../cluster/launchers/process/log-file.ts';
import { ClusterError } from '../../../errors.ts';
import { addClusterArgument, type ClusterChoice, index } from '../../arguments.ts';
import { findCluster } from '../../find-cluster.ts';

interface Flags extends ClusterChoice {
  readonly engine?: number | undefined;
  readonly follow?: true;
  readonly json?: true;
}

const POLL_MS = 200;
const HELP = `
A log has the engine's own lines, errors that nobody handled, text printed when no task ran, and output of native code.
Output of tasks belongs to their client. Each log keeps its last 2 MiB, until the cluster is stopped.
`;

/** Adds arguments, options and the action to the command. */
export function define(command: Command): void {
  addClusterArgument(command);
  command.option('-e, --engine <id>', 'of this engine alone, without its name before each line', index);
  command.option('-f, --follow', 'go on with what is written from now on, until Ctrl-C or the end of the cluster');
  command.option('--json', 'as JSON: the text by engine');
  command.addHelpText('after', HELP);
  command.action(async (name: string | undefined, flags: Flags, self: Command) => {
    if (flags.json && flags.follow) self.error('error: --json cannot --follow');
    const cluster = findCluster(name ?? flags.cluster);
    const printer = new LogPrinter(cluster, flags.engine);
    if (flags.json) process.stdout.write(`${JSON.stringify(await printer.texts(), null, 2)}\n`);
    else await print(printer, cluster, flags);
  });
}

async function print(printer: LogPrinter, { owner }: ListedCluster, { follow }: Flags): Promise<void> {
  await printer.print();
  while (follow && !isGone(owner)) {
    await sleep(POLL_MS);
    await printer.print();
  }
}

/** Prints logs, each part once. */
class LogPrinter {
  readonly #cluster: ListedCluster;
  readonly #only: number | undefined;
  /** The text of each engine at the last look. */
  readonly #seen = new Map<number, string>();

  constructor(cluster: ListedCluster, only: number | undefined) {
    this.#cluster = cluster;
    this.#only = only;
  }

  /** The text of each engine. @throws ClusterError when the one that is asked for never ran */
  async texts(): Promise<Record<number, string>> {
    const ids = this.#only === undefined ? this.#ids() : [this.#checked(this.#only)];
    const entries = ids.map(async (id) => [id, await readLog(logPath(this.#cluster.runDir, id))] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  async print(): Promise<void> {
    for (const [id, text] of Object.entries(await this.texts())) {
      const seen = this.#seen.get(Number(id)) ?? '';
      this.#seen.set(Number(id), text);
      process.stdout.write(this.#shown(id, addedText(seen, text)));
    }
  }

  #shown(id: string, text: string): string {
    return this.#only === undefined ? text.replace(/^(?=.)/gm, `[engine ${id}] `) : text;
  }

  #ids(): number[] {
    try {
      const ids = readdirSync(this.#cluster.runDir).flatMap((name) => engineOfLog(name) ?? []);
      return ids.sort((a, b) => a - b);
    } catch {
      return []; // the cluster has just ended
    }
  }

  #checked(id: number): number {
    const ids = this.#ids();
    if (ids.includes(id) || this.#seen.has(id)) return id;
    throw new ClusterError(
      `cluster '${this.#cluster.name}' has no log of engine ${id}: ${ids.join(', ') || 'there are none'}`,
    );
  }
}
