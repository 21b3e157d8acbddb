// Clusters of real engines: start, death, restart, replacement, and nothing left behind.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { loadClusterFile } from '../../src/client/links/cluster-file.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import { listClusters } from '../../src/cluster/files/cluster-file.ts';
import type { ClusterEvent, StartOptions } from '../../src/cluster/start-options.ts';
import { AbortError, ClusterError, TaskInterrupted } from '../../src/errors.ts';
import { allGone, ClusterLab, until } from '../fixtures/cluster-lab.ts';
import { rejects } from '../support/assert.ts';
import { suite } from '../support/suite.ts';

const test = suite('cluster');
const lab = new ClusterLab();
test.after(() => lab.remove());

interface Watched {
  readonly cluster: Cluster;
  readonly events: ClusterEvent[];
}

async function start(options: StartOptions = {}): Promise<Watched> {
  const events: ClusterEvent[] = [];
  const onEvent = (event: ClusterEvent) => events.push(event);
  const cluster = await Cluster.start({ engines: 2, device: 'none', onEvent, ...options });
  return { cluster, events };
}

/** Engines that stop before they register, as those of a machine that hangs. */
const SILENT = { DIRECTVIEW_FAULT: 'engine.start:stop' };

const pidsOf = (cluster: Cluster) => cluster.engines.map((engine) => engine.pid);
const idsOf = (cluster: Cluster) => cluster.engines.map((engine) => engine.id);

function downOf(events: readonly ClusterEvent[], id: number): string | undefined {
  return events.flatMap((e) => (e.type === 'engine-down' && e.id === id ? [e.reason] : []))[0];
}

function assertNothingLeft(pids: readonly number[]): void {
  assert.ok(allGone(pids), 'a process is left');
  assert.equal(lab.leftovers(), []);
}

test('four engines start, register under 0 to 3, and leave nothing after stop', async () => {
  const { cluster } = await start({ engines: 4 });
  const pids = pidsOf(cluster);
  assert.equal(idsOf(cluster), [0, 1, 2, 3]);
  assert.not(allGone(pids));
  assert.is(loadClusterFile(cluster.file).controller, cluster.info.controller);
  await Promise.all([cluster.stop(), cluster.stop()]);
  await cluster.stop();
  assertNothingLeft(pids);
  assert.throws(() => cluster.file, /stopped/);
});

test('stop takes no arguments: it stops, and says so', async () => {
  const { cluster } = await start({ engines: 1 });
  const pids = pidsOf(cluster);
  const stop = (...args: unknown[]) => Reflect.apply(cluster.stop, cluster, args) as Promise<void>;
  await rejects(() => stop({ grace: 5 }), TypeError, /cluster\.stop takes no arguments.*an object/);
  assertNothingLeft(pids);
  await rejects(() => stop(undefined, 5), TypeError, /takes no arguments.*5/);
  await stop('SIGTERM', 15); // as a listener of the signal
});

test('await using stops it too', async () => {
  let pids: number[] = [];
  {
    await using cluster = (await start()).cluster;
    pids = pidsOf(cluster);
  }
  assertNothingLeft(pids);
});

for (const engines of [0, 1.5, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
  test(`${engines} engines: RangeError before anything starts`, async () => {
    await rejects(() => start({ engines }), RangeError, /engines must be a whole number of at least 1/);
    assert.equal(lab.leftovers(), []);
  });
}

const REFUSED: readonly [string, object, RegExp][] = [
  ['an unknown option', { engine: 4 }, /unknown option 'engine'/],
  ['an unknown device', { device: 'gpu' }, /unknown device 'gpu': one of auto, webgpu/],
  ['a wildcard address', { transport: 'tcp://0.0.0.0' }, /refused to listen.*transport stays on this machine/],
  [
    'an address of the network',
    { transport: 'tcp://192.168.1.4' },
    /refused to listen.*holders of the cluster's keys alone/,
  ],
  ['another scheme', { transport: 'udp' }, /transport is 'ipc', 'tcp'/],
  ['a name with a slash', { name: '../x' }, /not a cluster name/],
  ['a negative time', { startTimeout: -1 }, /startTimeout is milliseconds/],
];

for (const [what, options, message] of REFUSED) {
  test(`${what} is refused before anything starts`, async () => {
    await rejects(() => start(options), Error, message);
    assert.equal(lab.leftovers(), []);
  });
}

test('tcp listens on loopback', async () => {
  await using cluster = (await start({ transport: 'tcp' })).cluster;
  const { tasks, control } = cluster.engines[0]!;
  for (const endpoint of [cluster.info.controller, tasks, control])
    assert.match(endpoint, /^tcp:\/\/127\.0\.0\.1:\d+$/);
});

test('an engine that fails: the error has what it wrote, and everything is torn down', async () => {
  const error = await rejects(() => start({ device: 'headlessgl' }), ClusterError);
  assert.match(error.message, /engine \d exited with code 1 before it was ready/);
  assert.match(error.message, /cannot start: .*headlessgl/);
  assert.equal(lab.leftovers(), []);
});

test('one of two engines that fails: the other one is ended, too', async () => {
  const error = await rejects(() => start({ env: { DIRECTVIEW_FAULT: 'engine.start@1:exit' } }), ClusterError);
  assert.match(error.message, /engine 1 exited with code 70 before it was ready/);
  assert.equal(lab.leftovers(), []);
});

test('an entry that is not there is such a failure', async () => {
  const error = await rejects(() => start({ entry: '/nowhere/main.js' }), ClusterError, /Cannot find module/);
  assert.match(error.message, /exited with code 1/);
  assert.equal(lab.leftovers(), []);
});

test('engines that never register: an error at the timeout names them', async () => {
  await rejects(
    () => start({ env: SILENT, startTimeout: 500 }),
    ClusterError,
    /engines 0, 1 did not register within 500 ms/,
  );
  assert.equal(lab.leftovers(), []);
});

test('an aborted start rejects with AbortError, its cause the reason, and tears down', async () => {
  const controller = new AbortController();
  const starting = rejects(() => start({ env: SILENT, signal: controller.signal }), AbortError);
  await until('its directory', () => lab.leftovers().length > 0);
  controller.abort('enough');
  const error = await starting;
  assert.is(error.cause, 'enough');
  assert.equal(lab.leftovers(), []);
});

test('the name of a running cluster cannot be taken', async () => {
  await using cluster = (await start({ engines: 1, name: 'mine' })).cluster;
  await rejects(() => start({ name: 'mine' }), ClusterError, /'mine' is running already/);
  assert.equal(
    listClusters().map((one) => one.name),
    ['mine'],
  );
  assert.equal(idsOf(cluster), [0]);
});

test('SIGKILL of an engine: engine-down with the signal, the others go on, ids are not reused', async () => {
  const { cluster, events } = await start({ engines: 3 });
  process.kill(pidsOf(cluster)[1]!, 'SIGKILL');
  await until('engine-down', () => downOf(events, 1) !== undefined, 1000);
  assert.match(String(downOf(events, 1)), /^was killed by SIGKILL\b/);
  assert.equal(idsOf(cluster), [0, 2]);
  assert.equal(await cluster.add(2), [3, 4]);
  assert.equal(idsOf(cluster), [0, 2, 3, 4]);
  await cluster.stop();
  assert.equal(lab.leftovers(), []);
});

test('restart keeps the id, under a new process and incarnation', async () => {
  const { cluster, events } = await start();
  const [before] = cluster.engines;
  await cluster.restart(0);
  const [after] = cluster.engines;
  assert.is(after!.id, 0);
  assert.is.not(after!.pid, before!.pid);
  assert.is.not(after!.uuid, before!.uuid);
  assert.ok(allGone([before!.pid]));
  assert.is(downOf(events, 0), 'was restarted');
  await rejects(
    () => cluster.restart(9),
    ClusterError,
    /engine 9 is not a running process of this cluster: it has 0, 1/,
  );
  await cluster.stop();
  assertNothingLeft([after!.pid]);
});

test('shutdown ends one engine for good', async () => {
  const { cluster, events } = await start();
  await cluster.shutdown([0]);
  assert.equal(idsOf(cluster), [1]);
  assert.is(downOf(events, 0), 'was shut down');
  await cluster.stop();
});

test('clients of this process see at once what the cluster did, and are closed with it', async () => {
  const { cluster } = await start();
  const rc = await cluster.connect();
  assert.equal(rc.ids, [0, 1]);
  await cluster.add(1);
  assert.equal(rc.ids, [0, 1, 2]);
  await cluster.restart([0, 2]);
  assert.equal(
    rc.engines.map((engine) => engine.uuid),
    cluster.engines.map((engine) => engine.uuid),
  );
  await cluster.shutdown(1);
  assert.equal(rc.ids, [0, 2]);
  await cluster.stop();
  await rejects(() => cluster.connect(), ClusterError, /stopped/);
  assert.equal(lab.leftovers(), []);
});

test('an engine that exits with 75 is replaced in its slot, and the reason says why', async () => {
  const { cluster, events } = await start();
  const pid = pidsOf(cluster)[1]!;
  const rc = await cluster.connect();
  const folder = mkdtempSync(join(tmpdir(), 'dvstuck-'));
  const mark = join(folder, 'mark');
  const loop = async (path: string) => {
    await null;
    process.getBuiltinModule('node:fs').writeFileSync(path, '');
    for (;;);
  };
  const stuck = rejects(() => rc.view(1).apply(loop, mark).get(), TaskInterrupted, /engine 1 was replaced/);
  await until('the loop', () => existsSync(mark));
  await rc.interrupt(1);
  await stuck;
  rmSync(folder, { recursive: true });
  await until('the replacement', () => cluster.engines.some((e) => e.id === 1 && e.pid !== pid));
  assert.is(downOf(events, 1), 'did not stop within 2000 ms of an interrupt');
  assert.equal(idsOf(cluster), [0, 1]);
  await cluster.stop();
  assert.equal(lab.leftovers(), []);
});

test('an engine that ignores all requests to end is killed after the grace', async () => {
  const { cluster } = await start({ grace: 200 });
  const pids = pidsOf(cluster);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await cluster.stop();
  assertNothingLeft(pids);
});

test('a frozen engine becomes suspect, then dead, and is killed lest it wakes up', async () => {
  const { cluster, events } = await start({ vitals: { interval: 50, suspect: 1000, dead: 2500 } });
  const pid = pidsOf(cluster)[0]!;
  events.length = 0;
  process.kill(pid, 'SIGSTOP');
  await until('engine-down', () => downOf(events, 0) !== undefined);
  assert.match(downOf(events, 0)!, /^did not answer for \d+ ms$/);
  const states = events.flatMap((e) => (e.type === 'vitals' && e.verdict.id === 0 ? [e.verdict.state] : []));
  assert.equal(states, ['suspect', 'dead']);
  await until('its process to end', () => allGone([pid]));
  assert.equal(idsOf(cluster), [1]);
  await cluster.stop();
});

test('an engine that does not answer for a moment is suspect, and recovers', async () => {
  const { cluster, events } = await start({ engines: 1, vitals: { interval: 50, suspect: 300, dead: 60_000 } });
  const pid = pidsOf(cluster)[0]!;
  const saw = (state: string) => () => events.some((e) => e.type === 'vitals' && e.verdict.state === state);
  process.kill(pid, 'SIGSTOP');
  await until('suspect', saw('suspect'));
  process.kill(pid, 'SIGCONT');
  await until('recovered', saw('recovered'));
  assert.equal(idsOf(cluster), [0]);
  await cluster.stop();
});

test('keys of the environment do not reach the engines', async () => {
  process.env['SECRET_TOKEN'] = 'do not tell';
  const { cluster } = await start({ engines: 1, env: { MORE: 'told' }, threads: 3 });
  const path = `/proc/${pidsOf(cluster)[0]}/environ`;
  const names = existsSync(path) ? readFileSync(path, 'utf8') : 'MORE=told\0TF_NUM_INTRAOP_THREADS=3\0';
  await cluster.stop();
  delete process.env['SECRET_TOKEN'];
  assert.not.match(names, /SECRET_TOKEN/);
  assert.match(names, /MORE=told/);
  assert.match(names, /TF_NUM_INTRAOP_THREADS=3/);
});

test.run();
