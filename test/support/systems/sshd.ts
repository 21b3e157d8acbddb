// ssh servers on test hosts, with keys of their own: nothing of this user's ~/.ssh is read or written.
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, Hosts } from './hosts.ts';

const SSHD = '/usr/sbin/sshd';
const PORT = 2222;

/** Why no ssh servers can be started here; undefined where they can. */
export function noSshd(): string | undefined {
  for (const program of ['ssh', 'ssh-keygen', SSHD])
    if (spawnSync(program, ['-?']).error !== undefined) return `${program} is not installed`;
  return undefined;
}

/** The configuration for `ssh -F`; its hosts are called as the test hosts are. */
export interface SshServers {
  readonly config: string;
  /** Ends them; connections that are open stay. */
  stop(): Promise<void>;
}

/** Starts a server on each of these hosts. `folder`: a private one for keys and files. */
export async function startSshd(hosts: Hosts, on: readonly Host[], folder: string): Promise<SshServers> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = (name: string) => join(folder, name);
  for (const name of ['id', ...on.map((host) => `key-${host.name}`)])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
  const publicKey = (name: string) =>
    readFileSync(file(`${name}.pub`), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ');
  writeFileSync(file('authorized'), `${publicKey('id')}\n`);
  writeFileSync(file('known'), on.map(({ name }) => `${name} ${publicKey(`key-${name}`)}\n`).join(''));
  // A login shell without login scripts: those of this machine may be slow, and print.
  writeFileSync(file('passwd'), readFileSync('/etc/passwd', 'utf8').replace(/^(root:.*:).*$/m, '$1/bin/sh'));
  writeFileSync(file('sshd_config'), serverConfig(file));
  writeFileSync(file('ssh_config'), clientConfig(on, file));
  const servers = await Promise.all(on.map((host) => serve(hosts, host, file)));
  const stop = async () => {
    for (const server of servers) {
      const exit = once(server, 'exit');
      server.kill();
      await exit;
    }
  };
  return { config: file('ssh_config'), stop };
}

async function serve(hosts: Hosts, host: Host, file: (name: string) => string) {
  const script = [
    'mount -t tmpfs none /run && mkdir -p /run/sshd',
    `mount --bind '${file('passwd')}' /etc/passwd`,
    `exec ${SSHD} -D -e -f '${file('sshd_config')}' -h '${file(`key-${host.name}`)}' -o ListenAddress=${host.address}`,
  ];
  const server = hosts.spawn(host, ['sh', '-c', script.join(' && ')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  const listening = new Promise<void>((resolve, reject) => {
    server.stderr?.setEncoding('utf8').on('data', (some: string) => {
      text += some;
      if (text.includes('Server listening')) resolve();
    });
    server.once('exit', () => reject(new Error(`sshd on ${host.name} has ended: ${text}`)));
  });
  await listening;
  return server;
}

const serverConfig = (file: (name: string) => string): string =>
  [
    `Port ${PORT}`,
    `AuthorizedKeysFile ${file('authorized')}`,
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'StrictModes no',
    'PermitRootLogin yes',
    'PidFile none',
    '',
  ].join('\n');

const clientConfig = (on: readonly Host[], file: (name: string) => string): string =>
  [
    ...on.flatMap(({ name, address }) => [`Host ${name}`, `  HostName ${address}`, `  HostKeyAlias ${name}`]),
    'Host *',
    `  Port ${PORT}`,
    '  User root',
    `  IdentityFile ${file('id')}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${file('known')}`,
    '  GlobalKnownHostsFile none',
    '  StrictHostKeyChecking yes',
    '',
  ].join('\n');
