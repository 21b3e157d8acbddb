// The rule by which commands find their engines: named, asked for, running, or started.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type ClusterFlags, startOptions } from '../../../src/cli/engine-flags.ts';
import { findCluster, usualCluster } from '../../../src/cli/find-cluster.ts';
import { type Session, withCluster } from '../../../src/cli/with-cluster.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { ClusterError } from '../../../src/errors.ts';
import { allGone, ClusterLab, Program } from '../../fixtures/cluster-lab.ts';
import { rejects, throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cli/with-cluster');
const lab = new ClusterLab();
const run = (...args: string[]) => new Program('src/cli/main.js', args).done;
const start = (name: string, engines: number) => Cluster.start({ engines, device: 'cpu', name });
test.after(() => {
  assert.equal(lab.leftovers(), []);
  lab.remove();
});

/** Where the engines come from, and how many they are. */
async function seen(flags: ClusterFlags): Promise<[string, number]> {
  return withCluster(flags, async ({ rc, origin }) => [origin, rc.length]);
}

test('without flags: the default cluster among several, or the only one', async () => {
  await using _other = await start('other', 1);
  assert.equal(await seen({}), ["cluster 'other'", 1]);
  await using _default = await start('default', 2);
  assert.equal(await seen({}), ["cluster 'default'", 2]);
});

test('without flags: several clusters and no default leave the choice to the user', async () => {
  await using _a = await start('a', 1);
  await using _b = await start('b', 1);
  await rejects(() => seen({}), Error, /several clusters are running: name one of a, b/);
});

test('the unnamed cluster of a program, or of another command, is used only when it is named', async () => {
  await using own = await Cluster.start({ engines: 2, device: 'cpu' });
  throws(
    () => findCluster(),
    ClusterError,
    new RegExp(`no cluster is running .*or name one of a program: ${own.name}$`),
  );
  assert.is(usualCluster(), undefined);
  assert.equal(await seen({ cluster: own.name }), [`cluster '${own.name}'`, 2]);
  await withCluster({ engines: 1, device: 'cpu' }, async () => assert.is(usualCluster(), undefined));
  await using _named = await start('shared', 1);
  assert.equal(await seen({}), ["cluster 'shared'", 1]);
});

test('--cluster: by name, by file; one that does not run is an error', async () => {
  await using named = await start('named', 2);
  await using _default = await start('default', 1);
  assert.equal(await seen({ cluster: 'named' }), ["cluster 'named'", 2]);
  assert.equal(await seen({ cluster: named.file }), ["cluster 'named'", 2]);
  await rejects(() => seen({ cluster: 'nemo' }), Error, /no cluster file at .*nemo\.json/);
  await rejects(() => seen({ cluster: join(lab.root, 'none.json') }), Error, /no cluster file at .*none\.json/);
});

test('a flag for engines starts a cluster beside the running one, and ends it', async () => {
  await using _default = await start('default', 2);
  const flags: readonly ClusterFlags[] = [
    { engines: 1, device: 'cpu' },
    { device: 'cpu', engines: 3 },
  ];
  for (const wanted of flags) {
    const [origin, engines, pids] = await withCluster(wanted, async ({ rc, origin, isOwn }) => {
      assert.is(isOwn, true);
      return [origin, rc.length, rc.engines.map(({ pid }) => pid)] as const;
    });
    assert.equal([origin, engines], ['a cluster of its own', wanted.engines]);
    assert.ok(allGone(pids));
  }
});

test('a device alone is a flag for engines too, and reaches them', async () => {
  await using _default = await start('default', 1);
  const kinds = await withCluster({ device: 'wasm', engines: 1 }, async ({ rc }) =>
    rc.engines.map((e) => e.device.kind),
  );
  assert.equal(kinds, ['wasm']);
  const message = await withCluster({ device: 'headlessgl' }, async () => '').catch((error: Error) => error.message);
  assert.match(message, /headlessgl/);
});

test('an own cluster ends when the work fails, a running one goes on', async () => {
  await using cluster = await start('default', 1);
  const fail = (pids: number[]) => async (session: Session) => {
    pids.push(...session.rc.engines.map(({ pid }) => pid));
    throw new RangeError('the work');
  };
  const [own, running]: [number[], number[]] = [[], []];
  await rejects(() => withCluster({ engines: 1, device: 'cpu' }, fail(own)), RangeError, /the work/);
  await rejects(() => withCluster({}, fail(running)), RangeError, /the work/);
  assert.is(allGone(own), true);
  assert.equal(
    running,
    cluster.engines.map(({ pid }) => pid),
  );
  assert.is(allGone(running), false);
});

test('a file whose cluster has ended says so', async () => {
  await using cluster = await start('default', 1);
  const file = JSON.parse(readFileSync(cluster.file, 'utf8')) as { owner: object };
  const killed = join(lab.root, 'killed.json');
  // The same pid, started at another time: a process that ended, and whose pid was given away again.
  writeFileSync(killed, JSON.stringify({ ...file, owner: { ...file.owner, started: '1' } }), { mode: 0o600 });
  await rejects(
    () => seen({ cluster: killed }),
    Error,
    /cluster 'default' of .*killed\.json has ended: its process \d+/,
  );
});

test('what Cluster.start gets of the flags is the device request and the count, and nothing else', () => {
  const flags = { engines: 2, device: 'cpu', gpu: 1, softwareGpu: true, json: true, cluster: undefined } as const;
  const { threads, seed, inspect, shareGpu, ...options } = startOptions(flags);
  assert.equal(options, { engines: 2, device: 'cpu', gpu: 1, softwareGpu: true });
  assert.ok([threads, seed, inspect, shareGpu].every((option) => option === undefined));
});

test('stop --all leaves alone what programs started for themselves, and says so; list tells them apart', async () => {
  const [mine, other] = [await Cluster.start({ engines: 1, device: 'cpu' }), await Cluster.start(1)];
  const named = await Cluster.start({ engines: 1, device: 'cpu', name: 'shared' });
  const stateOf = (listed: string, name: string) =>
    listed.split('\n').find((line) => line.startsWith(`${name} `)) ?? '';
  const listed = (await run('list')).stdout;
  assert.match(stateOf(listed, mine.name), / running, private /);
  assert.match(stateOf(listed, 'shared'), / running {2,}\S/);
  const all = await run('stop', '--all');
  assert.is(all.code, 0);
  assert.is(
    all.stdout,
    "cluster 'shared' is stopped\n2 private clusters of programs go on: directview list shows them, --all --private stops them too\n",
  );
  assert.equal(named.engines.length, 0);
  assert.equal([mine.engines.length, other.engines.length], [1, 1]);
  assert.match((await run('stop', '--all')).stdout, /^no shared cluster is running\n2 private clusters/);
  assert.is((await run('stop', '--all', '--json')).stdout, '[]\n');
  assert.is((await run('stop', mine.name)).code, 0, 'by its name');
  const rest = await run('stop', '--all', '--private');
  assert.is(rest.stdout, `cluster '${other.name}' is stopped\n`);
  assert.equal([mine.engines.length, other.engines.length], [0, 0]);
  await Promise.all([mine, other, named].map((cluster) => cluster.stop()));
});

test.run();
