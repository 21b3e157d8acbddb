// SSH to two hosts with folders and shared memory of their own: no port is open but that of sshd.
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import type { StartOptions } from '../../../src/cluster/start-options.ts';
import { AbortError, ClusterError, EngineError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { type Host, Hosts, noHosts, runOn } from '../../support/systems/hosts.ts';
import { systemLock } from '../../support/systems/lock.ts';
import { noSshd, type SshServers, startSshd } from '../../support/systems/sshd.ts';

declare const engine: {
  readonly rank: number;
  allReduce(value: Float64Array, op?: 'sum', options?: { ranks: number[] }): Promise<Float64Array>;
  send(to: number, tag: string, value: unknown): Promise<void>;
  recv(from: number, tag: string): Promise<unknown>;
};

const TITLE = 'systems/ssh';
/** This process goes on meanwhile: it holds the controller of another cluster. */
const run = promisify(execFile);
const TOUR = fileURLToPath(new URL('../../../examples/tour.js', import.meta.url));
const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const inside = Hosts.inherited();

if (inside !== undefined) defineTests(inside);
else await openHosts();

async function openHosts(): Promise<void> {
  const reason = noHosts() ?? noSshd();
  if (reason !== undefined) return suite(TITLE).skip('ssh to two hosts', reason);
  const unlock = await systemLock();
  const hosts = await Hosts.open(3);
  await runOn(hosts, hosts.host(1));
  await hosts.close();
  await unlock();
}

function defineTests(hosts: Hosts): void {
  const test = suite(TITLE);
  const [, lh2, lh3] = hosts.all as [Host, Host, Host];
  const home = mkdtempSync(join(tmpdir(), 'dv-ssh-'));
  // Each host has this folder, and what is in it, for itself.
  const sockets = mkdtempSync(join(tmpdir(), 's-'));
  process.env['DIRECTVIEW_HOME'] = join(home, 'state');
  process.env['TMPDIR'] = sockets;
  let servers: SshServers;
  let cluster: Cluster;
  let rc: Client;

  const ssh = (more: object) => ({ kind: 'ssh', arguments: ['-F', servers.config], connectTimeout: 5000, ...more });
  const start = (options: StartOptions, more: object) =>
    Cluster.start({ launcher: ssh({ node: process.execPath, ...more }), device: 'none', threads: 1, ...options });
  const filesOn = (host: Host) => hosts.output(host, ['ls', sockets]).trim();
  const working = (host: Host) => hosts.processes(host).filter((line) => !/sshd/.test(line));
  const forEver = () => new Promise<never>(() => {});

  test.before(async () => {
    for (const host of [lh2, lh3]) hosts.output(host, ['mount', '-t', 'tmpfs', '-o', 'mode=700', 'none', sockets]);
    servers = await startSshd(hosts, [lh2, lh3], join(home, 'keys'));
    cluster = await Cluster.start({
      launcher: ssh({ hosts: 'lh2:2,lh3:2', node: process.execPath }),
      device: 'cpu',
      threads: 1,
      vitals: { interval: 500, suspect: 2000, dead: 5000 },
      deathTimeout: 6000,
      grace: 2000,
    });
    rc = await cluster.connect();
  });
  test.after(async () => {
    hosts.heal(lh3);
    await rc?.close();
    await cluster?.stop();
    for (const host of [lh2, lh3]) await until(`the end of ${host.name}`, () => working(host).length === 0, 30_000);
    await servers?.stop();
    rmSync(home, { recursive: true, force: true });
    rmSync(sockets, { recursive: true, force: true });
  });

  test('the hosts have engines in the order of their list; no port is open but that of sshd', () => {
    assert.equal(
      rc.engines.map(({ host }) => host),
      ['lh2', 'lh2', 'lh3', 'lh3'],
    );
    for (const { tasks, control, peers } of rc.engines)
      for (const at of [tasks, control, peers]) assert.ok(at.startsWith(`unix://${sockets}/`), at);
    for (const host of [lh2, lh3]) {
      const lines = hosts.output(host, ['cat', '/proc/net/tcp', '/proc/net/tcp6']).split('\n');
      const listening = lines.filter((line) => line.split(/\s+/)[4] === '0A').map((line) => line.split(/[\s:]+/)[3]);
      assert.equal([...new Set(listening)], [(2222).toString(16).toUpperCase().padStart(4, '0')], lines.join('\n'));
    }
  });

  test('scatter, apply and gather are equal; large values cross without shared memory', async () => {
    const v = rc.view(':');
    await v.scatter('a', range(17));
    assert.equal(await v.gather('a'), range(17));
    const big = new Float64Array(500_000).map((_, i) => i);
    await v.push({ big });
    const back = await rc.view(3).apply(() => (globalThis as unknown as { big: Float64Array }).big);
    assert.equal(back, big);
  });

  test('engines of different hosts exchange values, by way of this one', async () => {
    const sums = await rc.view(':').apply(async () => [...(await engine.allReduce(Float64Array.of(engine.rank)))]);
    assert.equal(sums, Array(4).fill([6]));
    const got = await rc.view(':').apply(async () => {
      await engine.send((engine.rank + 2) % 4, 'x', engine.rank);
      return engine.recv((engine.rank + 2) % 4, 'x');
    });
    assert.equal(got, [2, 3, 0, 1]);
  });

  test('an engine that is killed: EngineError with its signal, the others answer, and another takes its place', async () => {
    const lost = rc.view(1).apply(forEver);
    await untilRunning(rc, [1]);
    process.kill(rc.engine(1)?.pid as number, 'SIGKILL');
    await rejects(() => lost, EngineError, /was killed by SIGKILL/);
    assert.equal(await rc.view([0, 2, 3]).apply(() => 1), [1, 1, 1]);
    await cluster.restart(1);
    assert.equal(await rc.view(':').apply(() => 1), [1, 1, 1, 1]);
  });

  test('scale: down, and up again at the places that were given back; beyond them it is refused', async () => {
    const elastic = await start({ engines: 4 }, { hosts: 'lh2:2,lh3:2' });
    try {
      const client = await elastic.connect();
      const hostsNow = () => client.engines.map(({ host }) => host);
      await elastic.scale(3);
      await elastic.scale(4);
      assert.equal(hostsNow(), ['lh2', 'lh2', 'lh3', 'lh3']);
      await elastic.scale(1);
      assert.equal(hostsNow(), ['lh2']);
      const [first, ...later] = (await elastic.scale(4)) as [number, ...number[]];
      assert.equal(hostsNow(), ['lh2', 'lh2', 'lh3', 'lh3']);
      assert.equal(await client.view(':').apply(() => 1), [1, 1, 1, 1]);
      await rejects(() => elastic.scale(5), RangeError, /the launcher has places for 4 engines, not 5: start/);
      assert.throws(() => elastic.adapt({ max: 5 }), /places for 4 engines, not 5/);

      // Engines of one start speak directly; others are told at once that they cannot.
      const sum = async (ranks: number[]) => [...(await engine.allReduce(Float64Array.of(1), 'sum', { ranks }))];
      assert.equal(await client.view(later).apply(sum, [1, 2, 3]), Array(3).fill([3]));
      const all = client.view([first, ...later]).apply(sum, [0, 1, 2, 3]);
      await rejects(() => all, Error, /allReduce ended on all ranks: .*it left the cluster, or cannot be reached/);
      assert.not.match(String(await all.catch(String)), /nothing came/);
      const sent = client.view(later.at(-1) as number).apply(() => engine.send(0, 'x', 1));
      await rejects(() => sent, Error, /its socket is not forwarded to this host.*listen: 'tcp:/);
    } finally {
      await elastic.stop();
    }
  });

  test('scale while a map runs: every item once; a host that is not there costs its engines alone', async () => {
    const before = filesOn(lh2);
    const elastic = await start({ engines: 2 }, { hosts: 'lh2:2,no.such.host.invalid:2' });
    try {
      const client = await elastic.connect();
      const work = async (i: number) => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        return i * i;
      };
      const items = Array.from({ length: 300 }, (_, i) => i);
      const result = client.loadBalanced('all', { retries: 5 }).map(work, items);
      await until('a first item', () => result.progress > 0, 30_000);
      await elastic.scale(1);
      await rejects(() => elastic.scale(4), ClusterError, /got no place: no host is called no\.such\.host\.invalid/);
      const squares = items.map((i) => i * i);
      assert.equal(await result, squares);
      assert.is(client.ids.length, 2);
    } finally {
      await elastic.stop();
    }
    assert.is(filesOn(lh2), before);
  });

  test('a gang whose places are not all there has none', async () => {
    const before = filesOn(lh2);
    const gang = () => start({ engines: 2, gang: true }, { hosts: ['lh2', 'no.such.host.invalid'] });
    await rejects(gang, ClusterError, /no host is called no\.such\.host\.invalid/);
    assert.is(filesOn(lh2), before);
  });

  test('a start that is aborted while a host does not answer leaves nothing, on the hosts that did, either', async () => {
    const before = [filesOn(lh2), readdirSync(sockets).length];
    const program = join(home, 'ssh');
    const lines = ['#!/bin/sh', 'case "$*" in *" -- silent "*) exec sleep 600 ;; esac', 'exec ssh "$@"', ''];
    writeFileSync(program, lines.join('\n'), { mode: 0o755 });
    const abort = new AbortController();
    const starting = start({ engines: 2, signal: abort.signal }, { ssh: program, hosts: ['lh2', 'silent'] });
    await until('the folders there', () => filesOn(lh2) !== before[0], 30_000);
    abort.abort();
    await rejects(() => starting, AbortError);
    assert.equal([filesOn(lh2), readdirSync(sockets).length], before);
  });

  test('the tour, unchanged', async () => {
    const env = {
      ...process.env,
      DIRECTVIEW_LAUNCHER: JSON.stringify(ssh({ hosts: 'lh2:2,lh3:2', node: process.execPath })),
    };
    const { stdout: text } = await run(process.execPath, [TOUR], { env, timeout: 180_000 });
    assert.match(text, /tour: \d+ checks passed/);
  });

  test('the command line: a list of hosts, and a file of lines with their own node', async () => {
    const file = join(home, 'hosts');
    writeFileSync(file, `# two of three\nlh2 slots=2 node=${process.execPath}\nlh3 node=${process.execPath}\n`);
    const cli = async (...words: string[]) => {
      return (await run(process.execPath, [MAIN, ...words], { timeout: 60_000 })).stdout;
    };
    const ofTest = ['--set', 'arguments=-F', '--set', `arguments=${servers.config}`, '--device', 'cpu'];
    const start = async (name: string, hosts: string, ...words: string[]) => {
      const flags = ['--name', name, '--launcher', 'ssh', '--hosts', hosts, '--daemonize', '--json'];
      const { engines } = JSON.parse(await cli('start', ...flags, ...ofTest, ...words)) as {
        readonly engines: readonly { readonly host: string }[];
      };
      return engines.map(({ host }) => host);
    };
    assert.equal(await start('by-file', file), ['lh2', 'lh2', 'lh3']);
    await cli('stop', 'by-file');
    assert.equal(await start('by-list', 'lh3:1,lh2:2', '--set', `node=${process.execPath}`, '-n', '2'), ['lh3', 'lh2']);
    await cli('stop', 'by-list');
    await rejects(
      () => cli('start', '--launcher', 'slurm', '--hosts', 'a'),
      Error,
      /--hosts are those of --launcher ssh/,
    );
  });

  test('hosts that cannot be used say why, in plain words', async () => {
    const old = join(home, 'node18');
    writeFileSync(old, '#!/bin/sh\necho v18.0.0\n', { mode: 0o755 });
    const changed = join(home, 'changed');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, 'other')]);
    const wrong = execFileSync('cat', [join(home, 'other.pub')], { encoding: 'utf8' });
    writeFileSync(changed, `lh2 ${wrong}`);
    const option = (text: string) => ({ arguments: ['-o', text, '-F', servers.config] });
    const rows: readonly [object, RegExp][] = [
      [{ node: '/nowhere/node' }, /lh2 has no program '\/nowhere\/node'/],
      [{ node: old }, /lh2 has Node v18\.0\.0: engines need 20\.19 or newer/],
      [{ node: process.execPath, path: '/nowhere' }, /lh2 has no directview at \/nowhere\/dist/],
      [option(`UserKnownHostsFile=${changed}`), /the key of host lh2 has changed/],
      [option('UserKnownHostsFile=/dev/null'), /the key of host lh2 is not known here/],
      [option('PubkeyAuthentication=no'), /lh2 does not admit this user.*Permission denied/],
      [option('Port=2'), /no ssh server listens at lh2/],
      [{ hosts: 'no.such.host.invalid' }, /no host is called no\.such\.host\.invalid/],
    ];
    const start = (more: object) => () =>
      Cluster.start({ engines: 1, launcher: ssh({ hosts: 'lh2', ...more }), device: 'cpu', threads: 1 });
    const before = filesOn(lh2);
    for (const [more, says] of rows) await rejects(start(more), ClusterError, says);
    assert.is(filesOn(lh2), before);
  });

  test('a host that is cut off: a named error within the dead time, survivors answer, its engines end by themselves', async () => {
    const lost = rc.view(2).apply(forEver);
    await untilRunning(rc, [2]);
    hosts.cut(lh3);
    await rejects(() => lost, EngineError, /did not answer for \d+ ms|lost its host/);
    assert.equal(await rc.view([0, 1]).apply(() => 1), [1, 1]);
    await until('the end of its engines', () => working(lh3).length === 0, 30_000);
    assert.is(filesOn(lh3), '');
    hosts.heal(lh3);
  });

  test('an ssh that is killed: its engines are lost with it, and nothing is left there', async () => {
    const lost = rc.view(0).apply(forEver);
    await untilRunning(rc, [0]);
    const client = execFileSync('pgrep', ['-f', `^ssh .*-L ${sockets}.* -- lh2 `], { encoding: 'utf8' }).trim();
    process.kill(Number(client), 'SIGKILL');
    await rejects(() => lost, EngineError, /lost its host: ssh to lh2|lost its connection/);
    await until('the end of its engines', () => working(lh2).length === 0, 30_000);
    assert.is(filesOn(lh2), '');
  });

  test('a cluster that stops leaves nothing, there and here', async () => {
    const launcher = ssh({ hosts: ['lh2', { host: 'lh3' }], node: process.execPath });
    const second = await Cluster.start({ engines: 2, launcher, device: 'cpu', threads: 1 });
    const client = await second.connect();
    assert.equal(await client.view(':').apply(() => 1), [1, 1]);
    await second.stop();
    for (const host of [lh2, lh3]) {
      assert.equal(working(host), []);
      assert.is(filesOn(host), '');
    }
    await cluster.stop();
    assert.equal(readdirSync(sockets), []);
  });

  test.run();
}
