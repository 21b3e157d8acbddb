// Kubernetes with the real kubectl and a stand-in for the API server, whose pods are processes of this host. It says nothing
// of a real cluster.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import type { ClusterEvent, StartOptions } from '../../../src/cluster/start-options.ts';
import { AbortError, ClusterError, EngineError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { isAlive, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { FakeKubernetes } from '../../support/systems/fake-kubernetes.ts';
import { systemLock } from '../../support/systems/lock.ts';

const test = suite('systems/kubernetes');
const hasKubectl = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;

if (!hasKubectl) test.skip('kubectl with a stand-in for the API server', 'kubectl is not installed');
else defineTests();
test.run();

function defineTests(): void {
  const home = mkdtempSync(join(tmpdir(), 'dv-k8s-home-'));
  const state = join(home, 'state');
  process.env['DIRECTVIEW_HOME'] = state;
  let unlock: () => Promise<void>;
  let api: FakeKubernetes;
  let cluster: Cluster;
  let rc: Client;

  const kind = (more: object = {}) => ({
    kind: 'kubernetes',
    image: 'registry.example/directview:1',
    node: process.execPath,
    arguments: [`--kubeconfig=${api.config}`, `--cache-dir=${join(home, 'cache')}`],
    gpus: 1,
    poll: 200,
    ...more,
  });
  const start = (options: StartOptions) =>
    Cluster.start({ listen: 'tcp://127.0.0.1', device: 'cpu', threads: 1, deathTimeout: 10_000, ...options });
  const places = (events: readonly ClusterEvent[]) =>
    events.flatMap((event) => (event.type === 'placement' ? [`${event.state} ${event.why ?? ''}`] : []));

  test.before(async () => {
    unlock = await systemLock();
    api = await FakeKubernetes.open(2);
    cluster = await start({ engines: 2, launcher: kind() });
    rc = await cluster.connect();
  });
  test.after(async () => {
    await rc?.close();
    await cluster?.stop();
    await api?.close();
    await unlock?.();
    rmSync(home, { recursive: true, force: true });
  });

  test('a Secret, a headless Service and an Indexed Job; values come back', async () => {
    assert.equal([api.all('secrets').length, api.all('services').length, api.all('jobs').length], [1, 1, 1]);
    const v = rc.view(':');
    await v.scatter('a', range(17));
    assert.equal(await v.gather('a'), range(17));
  });

  test('an engine that is killed: EngineError with its signal, the other answers, and another takes its place', async () => {
    const lost = rc.view(1).apply(() => new Promise<never>(() => {}));
    await untilRunning(rc, [1]);
    process.kill(rc.engine(1)?.pid as number, 'SIGKILL');
    await rejects(() => lost, EngineError, /was killed by SIGKILL/);
    assert.is(await rc.view(0).apply(() => 1), 1);
    await cluster.restart(1);
    assert.equal(await rc.view(':').apply(() => 1), [1, 1]);
    assert.is(api.all('jobs').length, 1, 'its pod has lived on');
  });

  test('a pod that waits says why, and the start can be aborted', async () => {
    const events: ClusterEvent[] = [];
    const abort = new AbortController();
    const onEvent = (event: ClusterEvent) => events.push(event);
    const starting = start({ engines: 1, launcher: kind(), signal: abort.signal, onEvent });
    const isTold = () =>
      places(events).some((text) => /queued Unschedulable: .*Insufficient nvidia\.com\/gpu/.test(text));
    await until('the reason', isTold, 30_000);
    abort.abort();
    await rejects(() => starting, AbortError);
    await until('one job', () => api.all('jobs').length === 1);
  });

  test('what kubectl and pods say, when they cannot', async () => {
    const one = (launcher: object) => () => start({ engines: 1, launcher: kind({ gpus: 0, ...launcher }) });
    await rejects(one({ kubectl: '/nowhere/kubectl' }), ClusterError, /kubectl.*not installed/);
    await rejects(one({ context: 'nowhere' }), ClusterError, /kubectl failed: .*context.*nowhere/);
    await rejects(one({ path: '/nowhere' }), ClusterError, /ended with its pod dv-.* \(exit code 1\)/);
  });

  test('a pod that is killed: EngineError, and only its engine is lost', async () => {
    const lost = rc.view(1).apply(() => new Promise<never>(() => {}));
    await untilRunning(rc, [1]);
    const pid = rc.engine(1)?.pid as number;
    const pod = api.all('pods').find(({ metadata }) => /-1-\w+$/.test(metadata.name));
    api.killPod(pod?.metadata.name as string);
    await rejects(() => lost, EngineError, /[Ee]ngine 1 /);
    await until('the end of its engine', () => !isAlive(pid), 30_000);
    assert.is(await rc.view(0).apply(() => 1), 1);
  });

  test('a cluster that stops leaves no object, no process and no file', async () => {
    const pids = rc.engines.map(({ pid }) => pid);
    await cluster.stop();
    for (const pid of pids) await until(`the end of process ${pid}`, () => !isAlive(pid));
    for (const what of ['jobs', 'services', 'secrets', 'pods'] as const) assert.equal(api.all(what), [], what);
    assert.equal(readdirSync(state), []);
  });
}
