import type { Findings } from './remote-command.ts';

/** The oldest Node that runs an engine. */
const LEAST = [20, 19] as const;

/** The words of ssh when it fails, and their meaning; `$` stands for the host. */
const FAULTS: readonly [RegExp, string][] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed/i,
    'the key of host $ has changed since you connected last: if the host is the right one, remove the old key (ssh-keygen -R)',
  ],
  [
    /No .* host key is known|Host key verification failed/i,
    'the key of host $ is not known here: connect once by hand (ssh $) and compare it',
  ],
  [/Permission denied/i, '$ does not admit this user: ssh $ must work without a password'],
  [/Could not resolve hostname/i, 'no host is called $'],
  [/Connection refused/i, 'no ssh server listens at $'],
  [/No route to host|Network is unreachable/i, 'the network has no way to $'],
  [/Connection timed out|Operation timed out|not responding/i, '$ does not answer'],
  [
    /remote port forwarding failed|cannot listen to port|forwarding .*(disabled|prohibited)|administratively prohibited/i,
    '$ does not forward sockets (AllowStreamLocalForwarding of its sshd, or a folder that is not there)',
  ],
  [
    /Too many authentication failures/i,
    '$ was shown too many keys: name one in ~/.ssh/config (IdentityFile, IdentitiesOnly)',
  ],
];

/** Lines of ssh's output that say nothing about a failure. */
const NOISE = /^\s*$|^@+$|Warning: Permanently added|^debug\d:|^\*\* /;
const LINES = 3;
const WIDTH = 200;

/** Says why ssh has failed: in plain words, then in its own. */
export function sshFault(host: string, stderr: string): string {
  const lines = stderr.split(/\n| · /).filter((line) => !NOISE.test(line));
  const own = lines
    .slice(-LINES)
    .map((line) =>
      line
        .trim()
        .replace(/^ssh failed: /, '')
        .slice(0, WIDTH),
    )
    .join(' | ');
  const known = FAULTS.find(([pattern]) => pattern.test(stderr))?.[1].replaceAll('$', host);
  if (known === undefined) return own === '' ? `ssh to ${host} has ended` : `ssh to ${host} has failed: ${own}`;
  return own === '' ? known : `${known}; ssh says: ${own}`;
}

/** Says what a host lacks; undefined where an agent can run. */
export function findingsFault(
  host: string,
  { words, version }: Findings,
  node: string,
  main: string,
): string | undefined {
  if (words.has('no-node'))
    return `${host} has no program '${node}' on the PATH of a shell without login scripts: say where, as { host: '${host}', node: '/path/to/node' }`;
  if (!isNew(version))
    return `${host} has Node ${version || 'of an unknown version'}: engines need ${LEAST.join('.')} or newer, as { host: '${host}', node: '/path/to/node' }`;
  if (words.has('no-package'))
    return `${host} has no directview at ${main}: install it there, or say where, as { host: '${host}', path: '/path/to/directview' }`;
  if (words.has('no-folder'))
    return `${host} lets us make no folder for sockets: set TMPDIR here to a folder that every host has`;
  return words.has('ready')
    ? undefined
    : `${host} has not answered as a shell does: its login scripts may end too early`;
}

function isNew(version: string): boolean {
  const [major = 0, minor = 0] = /^v(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  return major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1]);
}
