// The options by which every command says which engines it wants: the same ones, in the same words, everywhere.
import { type Command, Option } from 'commander';
import type { StartOptions } from '../cluster/start-options.ts';
import { DEVICE_CHOICES, type DeviceRequest } from '../protocol/engine-options.ts';
import { card, count, DEFAULT_NAME, index } from './arguments.ts';

/** The engines to start, as the user gave them; an option that was not given is undefined. */
export interface EngineFlags extends Omit<DeviceRequest, 'inspect'> {
  readonly engines?: number | undefined;
  /** Engines may have the same card. */
  readonly shareGpu?: true | undefined;
  /** A debugger may attach to engines. */
  readonly inspect?: true | undefined;
  /** The first task of each engine waits for it. */
  readonly inspectBrk?: true | undefined;
}

/** The engines to start, or the running cluster to use. */
export interface ClusterFlags extends EngineFlags {
  /** A name, or the path of a cluster file. */
  readonly cluster?: string | undefined;
}

/** The rule by which a command finds its engines, as its `--help` prints it. */
export const ENGINES_HELP = `
Engines:
  --cluster NAME|FILE takes a running cluster as it is: none of -n, --device, --gpu, --software-gpu, --share-gpu may stand
  beside it. Any of those five starts a cluster for this command, which ends with it.
  Without all six, the command takes the running cluster '${DEFAULT_NAME}', else the only one that was started under a
  name. If there is none, it starts a cluster, which ends with it. Clusters of other commands are left alone.`;

/** The options that only make sense for engines that are started, with the spelling that errors show. */
const STARTING = {
  engines: '--engines',
  device: '--device',
  gpu: '--gpu',
  softwareGpu: '--software-gpu',
  shareGpu: '--share-gpu',
  seed: '--seed',
  inspect: '--inspect',
  inspectBrk: '--inspect-brk',
} as const;
const STARTING_KEYS = Object.keys(STARTING) as (keyof typeof STARTING)[];

/** Adds `--device`, `--gpu` and `--software-gpu`. */
export function addDeviceOptions(command: Command): void {
  command.addOption(
    new Option('--device <device>', 'each engine computes on it (default: auto)').choices(DEVICE_CHOICES),
  );
  command.addOption(
    new Option('--gpu <card>', 'the card, if there are several: its number, or its UUID').argParser(card),
  );
  command.option('--software-gpu', 'accept a software GPU');
}

/** Adds `-n/--engines`, the device options and `--share-gpu`. */
export function addEngineOptions(command: Command): void {
  command.option('-n, --engines <count>', 'engines to start (default: one per GPU, else one per core)', count);
  addDeviceOptions(command);
  command.option('--share-gpu', 'engines may have the same card (default: only those of this host)');
}

/** Adds `--seed`, `--inspect` and `--inspect-brk`, which say how engines are started. */
export function addRunOptions(command: Command): void {
  command.option('--seed <number>', 'the seed of engine.random: runs with the same one repeat', index);
  command.option(
    '--inspect',
    'let debuggers attach to engines, on 127.0.0.1: every user of this machine can run code there then',
  );
  command.option('--inspect-brk', 'the same; the first task of each engine waits for the debugger');
}

/** Adds the options of EngineFlags and `--cluster`, their rule, and a check that refuses them side by side. */
export function addClusterOptions(command: Command): void {
  command.option('--cluster <name|file>', 'use this running cluster');
  addEngineOptions(command);
  command.addHelpText('after', ENGINES_HELP);
  command.hook('preAction', (self) => {
    const { cluster, ...flags } = self.opts<ClusterFlags>();
    const given = STARTING_KEYS.find((key) => flags[key] !== undefined && !isOwnSeed(self, key));
    if (cluster === undefined || given === undefined) return;
    self.error(`error: --cluster takes engines as they are: not with ${STARTING[given]}`);
  });
}

// A command without `--inspect` may have a `--seed` of another meaning.
function isOwnSeed(command: Command, key: string): boolean {
  return key === 'seed' && !command.options.some(({ long }) => long === STARTING.inspect);
}

/** Adds `--n`, the old spelling of `--engines`, which the help does not show. */
export function addOldCount(command: Command): void {
  const set = (text: string) => {
    const value = count(text);
    command.setOptionValueWithSource('engines', value, 'cli');
    return value;
  };
  command.addOption(new Option('--n <count>').argParser(set).hideHelp());
}

/** True if an option asks for engines of the command's own. */
export function asksForEngines(flags: EngineFlags): boolean {
  return STARTING_KEYS.some((key) => flags[key] !== undefined);
}

/** The part of a command's flags that `Cluster.start` takes. */
export function startOptions(flags: EngineFlags): StartOptions {
  const { engines, device, gpu, softwareGpu, shareGpu, threads, seed, inspect, inspectBrk } = flags;
  const debuggers = inspectBrk ? { brk: true } : inspect;
  return { engines, device, gpu, softwareGpu, shareGpu, threads, seed, inspect: debuggers };
}
