// How another program finds a cluster: by default, name, file, info, or the Cluster itself.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client, Cluster, ClusterError } from 'directview';
import * as assert from 'uvu/assert';
import { rejects } from '../support/assert.ts';
import { suite } from '../support/suite.ts';

const test = suite('connect');
const before = process.env['DIRECTVIEW_HOME'];
let home: string;
let shared: Cluster;

test.before(async () => {
  home = mkdtempSync(join(tmpdir(), 'dv-connect-'));
  process.env['DIRECTVIEW_HOME'] = home;
  shared = await Cluster.start({ engines: 1, device: 'cpu', name: 'default' });
});
test.after(async () => {
  await shared.stop();
  if (before === undefined) delete process.env['DIRECTVIEW_HOME'];
  else process.env['DIRECTVIEW_HOME'] = before;
  rmSync(home, { recursive: true, force: true });
});

const WAYS: Readonly<Record<string, () => Promise<Client>>> = {
  nothing: () => Client.connect(),
  'undefined and options': () => Client.connect(undefined, { timeout: 9000 }),
  'its name': () => Client.connect('default'),
  'its path': () => Client.connect(shared.file),
  'the URL of its file': () => Client.connect(pathToFileURL(shared.file)),
  'what its file holds': () => Client.connect(JSON.parse(JSON.stringify(shared.info))),
  'an entry of the list': () => Client.connect(Cluster.list()[0] as { controller: string; clusterId: string }),
  'the cluster itself': () => Client.connect(shared),
};

for (const [way, connect] of Object.entries(WAYS)) {
  test(`a client connects by ${way}`, async () => {
    await using rc = await connect();
    assert.is(await rc.view(0).apply(() => 6 * 7), 42);
  });
}

test('the list has the clusters that run, by name', async () => {
  assert.equal(
    Cluster.list().map(({ name, isUnnamed }) => [name, isUnnamed]),
    [['default', undefined]],
  );
});

test('a name that nobody has is refused at once, and so is one that is no name', async () => {
  await rejects(
    () => Client.connect('nobody'),
    ClusterError,
    /no cluster file at .*nobody\.json: is the cluster running/,
  );
  await rejects(() => Client.connect('a b'), ClusterError, /'a b' is not a cluster name/);
});

test.run();
