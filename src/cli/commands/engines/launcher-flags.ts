import { type Command, InvalidArgumentError } from 'commander';
import { LAUNCHER_KINDS, type LauncherChoice } from '../../../cluster/launchers/by-kind.ts';
import type { ClusterEvent } from '../../../cluster/start-options.ts';
import { count } from '../../arguments.ts';

/** Where engines run, as the user gave it. */
export interface LauncherFlags {
  readonly launcher?: string | undefined;
  /** Hosts of ssh: a list, or the path of a file. */
  readonly hosts?: string | undefined;
  readonly set?: Readonly<Record<string, unknown>> | undefined;
  readonly min?: number | undefined;
  readonly gang?: true | undefined;
  /** Between `min` and so many engines, as the work wants. */
  readonly max?: number | undefined;
}

/** Adds `--launcher`, `--hosts`, `--set`, `--min`, `--max` and `--gang`, and the rules of the last three. */
export function addLauncherOptions(command: Command): void {
  command.option('--launcher <kind>', `where engines run: ${LAUNCHER_KINDS.join(', ')} (default: local)`, kindOf);
  command.option('--hosts <list|file>', 'the hosts of --launcher ssh: a:4,b:4, or a file of lines such as a slots=4');
  command.option(
    '--set <option=value>',
    'an option of the launcher, as --set partition=gpu; may be repeated',
    setting,
    {},
  );
  command.option('--min <count>', 'so many engines are enough to begin with (default: all)', count);
  command.option('--max <count>', 'from then on as many engines as the work wants, between --min and this', count);
  command.option('--gang', 'all engines at once, or none');
  command.hook('preAction', (self) => {
    const { min = 1, max, gang, engines = min } = self.opts<LauncherFlags & { readonly engines?: number }>();
    if (max === undefined) return;
    if (gang)
      self.error(
        'error: --max changes the number of engines, and --gang keeps them together: leave one of the two out',
      );
    if (min > max) self.error(`error: --min ${min} is more than --max ${max}`);
    if (engines > max) self.error(`error: --engines ${engines} is more than --max ${max}`);
  });
}

function kindOf(text: string): string {
  if (LAUNCHER_KINDS.includes(text)) return text;
  throw new InvalidArgumentError(`It must be one of ${LAUNCHER_KINDS.join(', ')}.`);
}

function setting(text: string, before: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const [, name = '', value = ''] = /^([A-Za-z]+)=(.*)$/s.exec(text) ?? [];
  if (name === '' || name === 'kind') throw new InvalidArgumentError('It must be option=value, as partition=gpu.');
  return { ...before, [name]: settingOf(name, value, before[name]) };
}

/** Options of launchers that are numbers: `partition=2080` and `mem=4000` are texts. */
const NUMBERS = ['perAgent', 'gpus', 'cpus', 'poll', 'connectTimeout'];
/** Those that are lists, also of one. Another one that is given twice is a list, too. */
const LISTS = ['args', 'arguments', 'lines'];

function settingOf(name: string, text: string, before: unknown): unknown {
  const value = NUMBERS.includes(name) && /^\d+$/.test(text) ? Number(text) : text;
  if (before === undefined) return LISTS.includes(name) ? [value] : value;
  return Array.isArray(before) ? [...before, value] : [before, value];
}

/**
 * The launcher that the flags mean, over that of the site's defaults.
 * @throws Error for options without a launcher
 */
export function launcherOption(
  { launcher, hosts, set: given = {} }: LauncherFlags,
  site: LauncherChoice | undefined,
): LauncherChoice | undefined {
  if (hosts !== undefined && launcher !== 'ssh') throw new Error('--hosts are those of --launcher ssh: name it, too');
  const set = hosts === undefined ? given : { ...given, hosts };
  const hasSettings = Object.keys(set).length > 0;
  if (!hasSettings && launcher === undefined) return site;
  const kind = launcher ?? kindIn(site);
  if (hasSettings && (kind === undefined || kind === 'local'))
    throw new Error('--set wants --launcher beside it: its options are set');
  if (kind === undefined || kind === 'local') return kind;
  const defaults = typeof site === 'object' && kindIn(site) === kind ? site : {};
  return { ...defaults, kind, ...set };
}

/** The name of a launcher of this package that a site uses. One of its own has no options that could be set. */
function kindIn(site: LauncherChoice | undefined): string | undefined {
  if (typeof site !== 'object') return site;
  return 'start' in site ? undefined : site.kind;
}

/** Says on stderr what becomes of places that a system gives. */
export function tellPlaces(event: ClusterEvent): void {
  if (event.type === 'engine-draining')
    process.stderr.write(`engine ${event.id} ${event.over ? 'stays' : `will be ended soon${when(event.until)}`}\n`);
  if (event.type === 'scale')
    process.stderr.write(
      `from ${event.from} to ${event.to} engines${event.why === undefined ? '' : ` (${event.why})`}\n`,
    );
  if (event.type !== 'placement') return;
  const { ids, state, why, host, job } = event;
  const who = ids.length === 1 ? `engine ${ids[0]}` : `engines ${ids[0]}–${ids.at(-1)}`;
  const where = [job && `job ${job}`, host && `on ${host}`].filter(Boolean).join(' ');
  const text = state === 'ended' ? (why ?? 'ended') : [state, why && `(${why})`].filter(Boolean).join(' ');
  process.stderr.write(`${who} ${text}${where === '' ? '' : `: ${where}`}\n`);
}

const when = (until: number | undefined): string =>
  until === undefined ? '' : `, at ${new Date(until).toLocaleTimeString()}`;
