import type { GroupBy } from '../../client/results/output/grouping.ts';

/** The settings of a px command. */
export interface PxSettings {
  /** Engines, in the notation of rc.view: '0', '0,2', '::2', 'all'. */
  readonly targets: string;
  /** False gives the AsyncResult at once, without output. */
  readonly block: boolean;
  readonly stream: boolean;
  readonly groupOutputs: GroupBy;
  readonly verbose: boolean;
  /** Milliseconds; -1: never. */
  readonly progressAfter: number;
  /** Runs the code in the REPL, too. */
  readonly local: boolean;
  /** True if names of the session travel with functions and code. */
  readonly names: boolean;
  /** True if Ctrl-C interrupts the engines; false if it only ends the wait. */
  readonly interrupts: boolean;
}

/** The settings of a new session. */
export const DEFAULTS: PxSettings = {
  targets: 'all',
  block: true,
  stream: true,
  groupOutputs: 'type',
  verbose: false,
  progressAfter: 2000,
  local: false,
  names: true,
  interrupts: true,
};

/** A parsed line that begins with %. */
export interface PxLine {
  readonly command: '%px' | '%%px' | '%autopx' | '%pxresult' | '%pxconfig' | '%cd';
  readonly settings: Partial<PxSettings>;
  /** The name in the REPL that takes the AsyncResult. */
  readonly output?: string | undefined;
  /** The code of `%px` (that of `%%px` follows on lines of its own), or the folder of `%cd`. */
  readonly code: string;
}

/** Every % command. */
export const COMMANDS: readonly PxLine['command'][] = ['%px', '%%px', '%autopx', '%pxresult', '%pxconfig', '%cd'];

interface Flag {
  /** Names of one letter count only if no code follows: `%px -a` negates a. */
  readonly names: readonly string[];
  readonly read: (value: string) => Partial<PxSettings> | { readonly output: string };
  readonly takes?: string;
}

const GROUPS: readonly string[] = ['type', 'engine', 'order'];

/** The options of the % commands. */
export const FLAGS: readonly Flag[] = [
  { names: ['-t', '--targets'], takes: 'engines', read: (targets) => ({ targets }) },
  { names: ['-b', '--block'], read: () => ({ block: true }) },
  { names: ['-a', '--noblock'], read: () => ({ block: false }) },
  { names: ['--stream'], read: () => ({ stream: true }) },
  { names: ['--no-stream'], read: () => ({ stream: false }) },
  { names: ['--group-outputs'], takes: 'type, engine or order', read: (how) => ({ groupOutputs: group(how) }) },
  { names: ['-e'], read: () => ({ groupOutputs: 'engine' }) },
  { names: ['-r'], read: () => ({ groupOutputs: 'order' }) },
  { names: ['-v', '--verbose'], read: () => ({ verbose: true }) },
  { names: ['--no-verbose'], read: () => ({ verbose: false }) },
  { names: ['--progress-after'], takes: 'seconds', read: (text) => ({ progressAfter: seconds(text) }) },
  { names: ['--local'], read: () => ({ local: true }) },
  { names: ['--no-local'], read: () => ({ local: false }) },
  { names: ['--names'], read: () => ({ names: true }) },
  { names: ['--no-names'], read: () => ({ names: false }) },
  { names: ['-o', '--out'], takes: 'a name', read: (name) => ({ output: identifier(name) }) },
  { names: ['--signal-on-interrupt'], takes: 'SIGINT or 0', read: (signal) => ({ interrupts: interrupts(signal) }) },
];

function group(how: string): GroupBy {
  if (GROUPS.includes(how)) return how as GroupBy;
  throw new Error(`--group-outputs is one of ${GROUPS.join(', ')}, not '${how}'`);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0 || value === -1)) throw new Error(`--progress-after is seconds, or -1, not '${text}'`);
  return value === -1 ? -1 : value * 1000;
}

function identifier(name: string): string {
  if (/^[A-Za-z_$][\w$]*$/.test(name)) return name;
  throw new Error(`-o wants a name, not '${name}'`);
}

function interrupts(signal: string): boolean {
  if (signal === '0' || signal === 'SIGINT' || signal === '2') return signal !== '0';
  throw new Error(`--signal-on-interrupt is SIGINT, or 0 for none, not '${signal}'`);
}

/** Puts values of the session into text: `{name}`, `$name`. */
export type Expand = (text: string) => string;

const AS_IT_IS: Expand = (text) => text;

/**
 * Parses a line that begins with %. `expand` gets folders and the values of options; code has braces and dollars of its
 * own.
 * @throws Error that says what is wrong with the line
 */
export function parsePxLine(line: string, expand: Expand = AS_IT_IS): PxLine {
  const match = /^\s*(%%?\w+)(?:\s+|$)([\s\S]*?)\s*$/.exec(line);
  const command = COMMANDS.find((known) => known === match?.[1]);
  if (match === null || command === undefined) {
    throw new Error(`no such command: ${line.trim().split(/\s/)[0]} (there are ${COMMANDS.join(', ')})`);
  }
  if (command === '%cd') return { command, settings: {}, code: expand(match[2] as string) };
  const parsed = parseFlags(match[2] as string, command === '%px', expand);
  if (command === '%autopx' && Object.keys(parsed.settings).length > 0) throw new Error('%autopx takes no options');
  if (command !== '%px' && parsed.code !== '') throw new Error(`${command} takes options only, not '${parsed.code}'`);
  if (command === '%px' && parsed.code === '') throw new Error('%px wants code: %px a = 5');
  return { command, ...parsed, code: folderChange(parsed.code, expand) ?? parsed.code };
}

/** The % command that a line asks about, as `%px?` and `?%px` do; undefined for any other line. */
export function askedCommand(line: string): PxLine['command'] | undefined {
  const [, before, after] = /^\s*(?:\?\s*(%%?\w+)|(%%?\w+)\s*\?+)\s*$/.exec(line) ?? [];
  return COMMANDS.find((command) => command === (before ?? after));
}

/**
 * The code that `%px cd DIR` stands for: it moves the engine and prints its folder. Undefined for other code, also for
 * expressions with a variable `cd`: `cd / 2`, `cd = 5`.
 */
function folderChange(code: string, expand: Expand): string | undefined {
  const [, dir] = /^cd(?:\s+(?!(?:instanceof|in)\s|\/\s|[-=+*%&|^?<>,;!([])(\S.*?))?$/.exec(code) ?? [];
  if (dir === undefined && code !== 'cd') return undefined;
  const folder = JSON.stringify(expand(unquoted(dir ?? '~')));
  return (
    "{ const [{ default: process }, { homedir }] = [await import('node:process'), await import('node:os')]; " +
    `process.chdir(${folder}.replace(/^~(?=\\/|$)/, homedir())); console.log(process.cwd()); }`
  );
}

const unquoted = (text: string) => text.replace(/^(['"])(.*)\1$/, '$2');

function parseFlags(text: string, codeFollows: boolean, expand: Expand): Omit<PxLine, 'command'> {
  let rest = text;
  let settings: Partial<PxSettings> & { output?: string } = {};
  for (
    let found = nextFlag(rest, codeFollows, expand);
    found !== undefined;
    found = nextFlag(rest, codeFollows, expand)
  ) {
    settings = { ...settings, ...found.settings };
    rest = found.rest;
  }
  const { output, ...known } = settings;
  return output === undefined ? { settings: known, code: rest } : { settings: known, code: rest, output };
}

function nextFlag(text: string, codeFollows: boolean, expand: Expand) {
  const [, word = '', after = ''] = /^(-\S+?)(?:[ \t=]+([\s\S]*)|$)/.exec(text) ?? [];
  const flag = FLAGS.find(({ names }) => names.includes(word));
  if (flag === undefined || (codeFollows && !isFlagBeforeCode(word, after))) return undefined;
  if (flag.takes === undefined) return { settings: flag.read(''), rest: after };
  const [, value, rest = ''] = /^('[^']*'|"[^"]*"|\{[^{}]*\}|\S+)\s*([\s\S]*)$/.exec(after) ?? [];
  if (value === undefined) throw new Error(`${word} wants ${flag.takes}`);
  return { settings: flag.read(expand(unquoted(value))), rest };
}

// Before code `-a` is a negation; only `-t` with targets and code after it is clear.
function isFlagBeforeCode(word: string, after: string): boolean {
  return word.startsWith('--') || (word === '-t' && /^(all|[-\d:,]+|\{.*?\}|\$\w+)\s+\S/.test(after));
}
