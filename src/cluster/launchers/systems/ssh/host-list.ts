import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { isPlainObject, shown } from '../../../../util/checks.ts';

/** One host and its engines. */
export interface SshHost {
  /** As `ssh` takes it: a name of ~/.ssh/config, an address, or `user@host`. */
  readonly host: string;
  /** How many engines it has a place for; default 1. */
  readonly slots?: number | undefined;
  /** Its program `node`; default: the one on the PATH of a shell without login scripts. */
  readonly node?: string | undefined;
  /** Its folder of this package; default: the same path as here. */
  readonly path?: string | undefined;
}

/** Names and addresses, with a user or without: nothing that a shell, or ssh as an option, could take for something else. */
const NAME = /^(?:[A-Za-z0-9_][\w.-]*@)?(?:[A-Za-z0-9_][\w.-]*|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+)$/;
const ENTRY = /^(?:([^\s[\]@]+@)?\[([^\]]+)\]|([^:]*))(?::(\d+))?$/;
const MAX_SLOTS = 1024;
/** Characters that no path can have here: the command of a host is one line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are refused
const CONTROL = /[\u0000-\u001f\u007f]/;

/**
 * Reads a list of hosts: `a:4,b:4`, the path of a file (with a `/`) whose lines are `host slots=4 node=/path`, or a list of both
 * kinds of entries.
 * @throws TypeError, RangeError for hosts that are none
 */
export function readHosts(value: unknown): readonly SshHost[] {
  const list = typeof value === 'string' ? readText(value) : value;
  if (!Array.isArray(list) || list.length === 0)
    throw new TypeError(`hosts is a list such as ['a:4', { host: 'b', slots: 4 }] or 'a:4,b:4', not ${shown(value)}`);
  const hosts = list.map((entry: unknown) => (typeof entry === 'string' ? fromEntry(entry) : checked(entry)));
  const twice = hosts.find(({ host }, i) => hosts.findIndex((other) => other.host === host) !== i);
  if (twice !== undefined)
    throw new TypeError(`hosts names ${twice.host} twice: say '${twice.host}:2' for two engines`);
  return hosts;
}

function readText(text: string): readonly (string | SshHost)[] {
  if (!text.includes('/')) return text.split(',').map((entry) => entry.trim());
  const lines = linesOf(text).map((line) => line.replace(/(^|\s)#.*/, '').trim());
  const hosts = lines.flatMap((line, i) => (line === '' ? [] : [at(`${text}, line ${i + 1}`, () => fromLine(line))]));
  if (hosts.length === 0) throw new TypeError(`hosts: no host stands in ${text}`);
  return hosts;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (cause) {
    throw new TypeError(`hosts: the file ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

/** Says where it is that something is wrong. */
function at<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new RangeError(`${place}: ${error.message}`);
    throw new TypeError(`${place}: ${(error as Error).message}`);
  }
}

/** `host slots=4 node=/path/to/node path=/path/to/directview`. */
function fromLine(line: string): SshHost {
  const [host = '', ...fields] = line.split(/\s+/);
  const entries = fields.map((field) => {
    const [name = '', ...rest] = field.split('=');
    const value = rest.join('=');
    return [name, name === 'slots' && /^\d+$/.test(value) ? Number(value) : value] as const;
  });
  const entry: SshHost = host.includes(':') ? fromEntry(host) : { host };
  const names = [...entries.map(([name]) => name), ...(entry.slots === undefined ? [] : ['slots'])];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new TypeError(`${host}: ${twice} is said twice`);
  return checked({ ...entry, ...Object.fromEntries(entries) });
}

/** `a`, `a:4`, `me@a:4`, `[fd00::5]:4`. */
function fromEntry(entry: string): SshHost {
  const [, user = '', bracketed, plain, slots] = ENTRY.exec(entry) ?? [];
  const host = bracketed === undefined ? plain : `${user}${bracketed}`;
  return checked({ host: host ?? entry, slots: slots === undefined ? undefined : Number(slots) });
}

function checked(value: unknown): SshHost {
  if (!isPlainObject(value)) throw new TypeError(`a host is 'a:4' or { host: 'a', slots: 4 }, not ${shown(value)}`);
  const { host, slots, node, path, ...rest } = value as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new TypeError(`a host has host, slots, node and path, not ${shown(unknown)}`);
  if (typeof host !== 'string' || !NAME.test(host) || (host.includes(':') && isIP(host.replace(/^.*@/, '')) !== 6))
    throw new TypeError(`${shown(host)} is not a host: use letters, digits, '.', '-', '_' and a user before '@'`);
  if (slots !== undefined && !(Number.isInteger(slots) && (slots as number) >= 1 && (slots as number) <= MAX_SLOTS))
    throw new RangeError(`${host}: slots is a whole number from 1 to ${MAX_SLOTS}, not ${shown(slots)}`);
  checkPath(node, `${host}: node`);
  checkPath(path, `${host}: path`);
  return { host, slots: slots as number | undefined, node, path };
}

/** @throws TypeError for anything but text of one line */
export function checkPath(value: unknown, what: string): asserts value is string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '' && !CONTROL.test(value))) return;
  throw new TypeError(`${what} is a path without control characters, not ${shown(value)}`);
}
