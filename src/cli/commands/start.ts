import type { Command } from 'commander';
import { Cluster } from '../../cluster/cluster.ts';
import type { StartOptions } from '../../cluster/start-options.ts';
import { DEFAULT_NAME, index } from '../arguments.ts';
import { type DaemonMessage, daemonize } from '../daemon.ts';
import { addEngineOptions, addOldCount, addRunOptions, type EngineFlags, startOptions } from '../engine-flags.ts';
import { inspectorLines } from '../script/inspectors.ts';
import { addLauncherOptions, type LauncherFlags, launcherOption, tellPlaces } from './engines/launcher-flags.ts';
import { addListenOptions, type ListenFlags, listenOption } from './engines/network-flags.ts';
import { siteDefaults } from './engines/site-config.ts';

interface Flags extends EngineFlags, ListenFlags, LauncherFlags {
  readonly name: string;
  readonly daemonize?: true;
  readonly restart?: number | undefined;
  readonly json?: true;
}

/** `directview start`: starts a cluster, which runs until Ctrl-C or `directview stop`. Adds options and the action to the command. */
export function define(command: Command): void {
  addEngineOptions(command);
  addOldCount(command);
  addListenOptions(command);
  addRunOptions(command);
  addLauncherOptions(command);
  command.option('--name <name>', 'the name of the cluster', DEFAULT_NAME);
  command.option('--restart <times>', 'start engines again that die, so many times a minute each (default: 0)', index);
  command.option('--daemonize', 'return when the engines are ready, and keep them running in the background');
  command.option('--json', 'say as one line of JSON what is running');
  command.action((flags: Flags) => (flags.daemonize ? startDaemon() : startHere(flags)));
}

async function startDaemon(): Promise<void> {
  const args = process.argv.slice(1).filter((arg) => arg !== '--daemonize');
  process.stdout.write(await daemonize(args));
}

async function startHere(flags: Flags): Promise<void> {
  const site = await siteDefaults();
  const min = leastOf(flags, site);
  const cluster = await Cluster.start({
    ...site,
    ...given({
      ...startOptions(flags),
      engines: flags.engines ?? (flags.max === undefined ? undefined : (min ?? 1)),
      name: flags.name,
      listen: listenOption(flags),
      restart: flags.restart,
      min,
      gang: flags.gang,
      launcher: launcherOption(flags, site.launcher),
    }),
    onEvent: (event) => {
      tellPlaces(event);
      if (event.type === 'engine-down') process.stderr.write(`engine ${event.id} ${event.reason}\n`);
      if (event.type === 'engine-blocked') process.stderr.write(`engine ${event.id} ${event.reason}\n`);
      if (event.type === 'replacement-failed') process.stderr.write(`engine ${event.id}: ${event.error.message}\n`);
    },
  });
  if (flags.max !== undefined) cluster.adapt({ min: min ?? 1, max: flags.max });
  announce(flags.json ? asJson(cluster) : `${asText(cluster)}${await debuggers(cluster, flags)}`);
}

async function debuggers(cluster: Cluster, { inspect, inspectBrk }: Flags): Promise<string> {
  if (!inspect && !inspectBrk) return '';
  await using rc = await cluster.connect();
  return (await inspectorLines(rc)).replaceAll(/^/gm, '  ').trimEnd().concat('\n');
}

// The site's minimum is not more than the engines that this command asks for.
function leastOf({ min, engines, max }: Flags, site: StartOptions): number | undefined {
  if (min !== undefined || site.min === undefined) return min;
  return Math.min(site.min, engines ?? max ?? site.min);
}

// A flag that was not given leaves the site's default.
function given(options: StartOptions): StartOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** Tells the terminal, or the parent that asked for a daemon. The controller's socket keeps this process alive. */
function announce(text: string): void {
  if (process.send === undefined) process.stdout.write(text);
  else process.send({ ready: text } satisfies DaemonMessage, () => process.disconnect());
}

function asText(cluster: Cluster): string {
  const devices = [
    ...new Set(cluster.engines.map((engine) => `${engine.device.kind} (${engine.device.adapter})`)),
  ].join(', ');
  const { length: count } = cluster.engines;
  return (
    `cluster '${cluster.name}' is running: ${count === 1 ? '1 engine' : `${count} engines`} on ${devices}, pid ${process.pid}\n` +
    `  file: ${cluster.file}\n  stop: directview stop ${cluster.name}\n`
  );
}

function asJson({ name, file, engines }: Cluster): string {
  return `${JSON.stringify({ name, pid: process.pid, file, engines })}\n`;
}
