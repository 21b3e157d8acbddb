// Readers of option values, and the options that several commands share.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isIndexKey } from '../client/targets.ts';
import { type CardChoice, isCardName } from '../protocol/engine-options.ts';

/** The name that `directview start` gives a cluster, and the one that other commands look for first. */
export const DEFAULT_NAME = 'default';

/** Help text of an optional cluster argument. */
export const CLUSTER_ARGUMENT = `name or file of the cluster (default: '${DEFAULT_NAME}', or the only named one)`;

/** The running cluster that a command is about. */
export interface ClusterChoice {
  /** The `--cluster` of other commands: the same as the argument. */
  readonly cluster?: string | undefined;
}

/** Adds the argument `[name]`, and `--cluster` as another way to write it. */
export function addClusterArgument(command: Command): void {
  command.argument('[name]', CLUSTER_ARGUMENT);
  command.addOption(new Option('--cluster <name|file>').hideHelp());
  command.hook('preAction', (self) => {
    const isNamed = self.args.length >= self.registeredArguments.length;
    if (isNamed && self.opts<ClusterChoice>().cluster !== undefined) {
      self.error('error: give the cluster once: as argument or as --cluster');
    }
  });
}

/** Reads seconds as milliseconds: the command line counts in seconds, the library in milliseconds. @throws InvalidArgumentError */
export function seconds(text: string): number {
  if (text.trim() !== '' && Number(text) > 0) return Number(text) * 1000;
  throw new InvalidArgumentError('It must be a number of seconds.');
}

/** Reads engines in the notation of `rc.view`. @throws InvalidArgumentError for text that can mean none */
export function targets(text: string): string {
  if (text === 'all' || isIndexKey(text)) return text;
  throw new InvalidArgumentError('It must be engines: 0, -1, 0,2, ::2 or all.');
}

/** The help of the option that `targets` reads. */
export const TARGETS_HELP = 'which engines: 0, -1, 0,2, ::2, all';

/** Reads a whole number of at least 1. @throws InvalidArgumentError */
export function count(text: string): number {
  return whole(text, 1);
}

/** Reads the number of a card, or its UUID. @throws InvalidArgumentError */
export function card(text: string): CardChoice {
  if (isCardName(text)) return text;
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of at least 0, or a UUID such as GPU-8a6f0c31.');
}

/** Reads a whole number of at least 0. @throws InvalidArgumentError */
export function index(text: string): number {
  return whole(text, 0);
}

function whole(text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`It must be a whole number of at least ${least}.`);
}
