// `directview start`: a cluster that lives until Ctrl-C or `directview stop`.
import type { Command } from 'commander';
import { Cluster } from '../../cluster/cluster.ts';
import { DEFAULT_NAME, type DeviceFlags, deviceOptions, count as positive } from '../arguments.ts';
import { type DaemonMessage, daemonize } from '../daemon.ts';

interface Flags extends DeviceFlags {
  readonly n?: number;
  readonly name: string;
  readonly daemonize?: true;
}

export function define(command: Command): void {
  command.option('-n, --n <engines>', 'how many engines (default: one per GPU, else one per core)', positive);
  for (const option of deviceOptions()) command.addOption(option);
  command.option('--name <name>', 'the name of the cluster', DEFAULT_NAME);
  command.option('--daemonize', 'return when the engines are ready and go on in the background');
  command.action((flags: Flags) => (flags.daemonize ? startDaemon() : startHere(flags)));
}

async function startDaemon(): Promise<void> {
  const args = process.argv.slice(1).filter((arg) => arg !== '--daemonize');
  process.stdout.write(await daemonize(args));
}

async function startHere({ n, device, gpu, softwareGpu, name }: Flags): Promise<void> {
  const cluster = await Cluster.start({
    device,
    name,
    ...(n === undefined ? {} : { engines: n }),
    ...(gpu === undefined ? {} : { gpu }),
    ...(softwareGpu ? { softwareGpu } : {}),
    onEvent: (event) => {
      if (event.type === 'engine-down') process.stderr.write(`engine ${event.id} ${event.reason}\n`);
      if (event.type === 'replacement-failed') process.stderr.write(`engine ${event.id}: ${event.error.message}\n`);
    },
  });
  announce(cluster);
}

/** To the terminal, or to the process that wanted a daemon. The controller's socket keeps this process alive. */
function announce(cluster: Cluster): void {
  const devices = [
    ...new Set(cluster.engines.map((engine) => `${engine.device.kind} (${engine.device.adapter})`)),
  ].join(', ');
  const { length: count } = cluster.engines;
  const text =
    `cluster '${cluster.name}' is running: ${count === 1 ? '1 engine' : `${count} engines`} on ${devices}, pid ${process.pid}\n` +
    `  file: ${cluster.file}\n  stop: directview stop ${cluster.name}\n`;
  if (process.send === undefined) process.stdout.write(text);
  else process.send({ ready: text } satisfies DaemonMessage, () => process.disconnect());
}
