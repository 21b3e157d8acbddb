import { posixQuoted } from '../template.ts';

/**
 * The command of the far side: the same for every host and every user. Its first line of input is a command that was quoted for a
 * POSIX shell, the rest is that command's input. `sh -s` will not do: some shells read ahead.
 */
export const REMOTE_COMMAND = `exec /bin/sh -c 'IFS= read -r l; eval "$l"'`;

/** Begins every line that the preparation prints for us: login scripts print what they like. */
const MARK = 'directview-says ';

/** The first line of the second call: from now on the far side removes its folders itself. */
export const STARTED = `${MARK}started`;

/** The things that a host must have before an agent can run there. */
export interface Preparation {
  readonly node: string;
  /** The command line's entry of this package. */
  readonly main: string;
  /** The private folders of sockets, its own first. None where the engines listen on tcp. */
  readonly folders: readonly string[];
  /** A file of this machine in the first folder: whoever sees it is this machine, too. */
  readonly token: string;
}

/** The first call: looks for node and the package, and makes the folders. */
export function preparation({ node, main, folders, token }: Preparation): string {
  const say = (text: string) => `echo ${posixQuoted([MARK + text])}`;
  const [own = ''] = folders;
  return [
    'umask 077',
    `if ! command -v ${posixQuoted([node])} >/dev/null 2>&1; then ${say('no-node')}; exit 0; fi`,
    `echo ${posixQuoted([`${MARK}node `])}"$(${posixQuoted([node])} --version 2>&1)"`,
    `if ! [ -f ${posixQuoted([main])} ]; then ${say('no-package')}; exit 0; fi`,
    ...(own === ''
      ? []
      : [
          `if [ -f ${posixQuoted([`${own}/${token}`])} ]; then ${say('same')}; ${say('ready')}; exit 0; fi`,
          ...folders.map((folder) => made(folder, say('no-folder'))),
        ]),
    say('ready'),
  ].join('; ');
}

// The file keeps other commands from taking the folder for one that was left behind empty.
function made(folder: string, fail: string): string {
  return `if mkdir -m 700 ${posixQuoted([folder])} && : > ${posixQuoted([`${folder}/owner.json`])}; then :; else ${fail}; exit 0; fi`;
}

/** The second call: the agent. The folders go when it has ended, however that was. */
export function agentCommand(argv: readonly string[], folders: readonly string[]): string {
  const clean = folders.length === 0 ? ':' : `rm -rf -- ${posixQuoted(folders)}`;
  return `umask 077; echo ${posixQuoted([STARTED])}; ${posixQuoted(argv)}; s=$?; ${clean}; exit $s`;
}

/** The call that removes the folders of an agent that was not started. */
export function removal(folders: readonly string[]): string {
  return `rm -rf -- ${posixQuoted(folders)}`;
}

/** The findings of the preparation: `ready`, `same`, `no-node`, … and the version of node. */
export interface Findings {
  readonly words: ReadonlySet<string>;
  readonly version: string;
}

/** Reads the output of the first call. */
export function readFindings(text: string): Findings {
  const said = text.split('\n').flatMap((line) => (line.startsWith(MARK) ? [line.slice(MARK.length).trim()] : []));
  const version = said.find((line) => line.startsWith('node '))?.slice('node '.length) ?? '';
  return { words: new Set(said), version };
}
