// Dask on two hosts, or on this one where no others can be made: a worker with a false card on each, whose tasks are agents.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { loadEngineFile } from '../../../src/cluster/files/engine-file.ts';
import type { ClusterEvent, StartOptions } from '../../../src/cluster/start-options.ts';
import { AbortError, ClusterError, EngineError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { isAlive, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { pythonWith, TestDask } from '../../support/systems/dask.ts';
import { type Host, Hosts, noHosts, runOn } from '../../support/systems/hosts.ts';
import { systemLock } from '../../support/systems/lock.ts';

declare const engine: {
  readonly id: number;
  readonly rank: number;
  readonly host: string;
  readonly job: string | undefined;
};

/** This process goes on meanwhile: it holds the controller of another cluster. */
const run = promisify(execFile);
const TOUR = fileURLToPath(new URL('../../../examples/tour.js', import.meta.url));
const TITLE = 'systems/dask';
const found = pythonWith('distributed');
const inside = Hosts.inherited();

if (found === undefined)
  suite(TITLE).skip('Dask with two workers', 'no Python with the module distributed is installed');
else if (inside !== undefined) defineTests(found, inside);
else await openDask(found);

async function openDask(python: string): Promise<void> {
  const reason = noHosts();
  const unlock = await systemLock();
  if (reason !== undefined) return defineTests(python, reason, unlock);
  const hosts = await Hosts.open(2);
  await runOn(hosts, hosts.host(1));
  await hosts.close();
  await unlock();
}

/** `hosts`: or why there are none. */
function defineTests(python: string, hosts: Hosts | string, unlock = async () => {}): void {
  const test = suite(TITLE);
  const home = mkdtempSync(join(tmpdir(), 'dv-dask-home-'));
  const state = join(home, 'state');
  // Each process of Dask, and what it starts, has its sockets here.
  const sockets = mkdtempSync(join(tmpdir(), 's-'));
  process.env['DIRECTVIEW_HOME'] = state;
  process.env['TMPDIR'] = sockets;
  const address = typeof hosts === 'string' ? '127.0.0.1' : hosts.host(1).address;
  const vitals = { interval: 500, suspect: 2000, dead: 5000 };
  const events: ClusterEvent[] = [];
  const waits = () => events.flatMap((e) => (e.type === 'placement' && e.state === 'queued' ? [e.why ?? ''] : []));
  let dask: TestDask;
  let cluster: Cluster;
  let rc: Client;

  const kind = (more: object = {}) => ({ kind: 'dask', python, schedulerFile: dask.schedulerFile, gpus: 1, ...more });
  const start = (options: StartOptions) =>
    Cluster.start({ listen: `tcp://${address}`, device: 'cpu', threads: 1, vitals, deathTimeout: 6000, ...options });
  const forEver = () => new Promise<never>(() => {});

  test.before(async () => {
    dask = await TestDask.open(python, 2, typeof hosts === 'string' ? undefined : hosts);
    cluster = await start({ engines: 2, launcher: kind() });
    rc = await cluster.connect();
  });
  test.after(async () => {
    await rc?.close();
    await cluster?.stop();
    await dask?.close();
    await unlock();
    for (const folder of [home, sockets]) rmSync(folder, { recursive: true, force: true });
  });

  test('each worker has an engine with its card; scatter, apply and gather are equal', async () => {
    const v = rc.view(':');
    const cards = await v.apply(() => process.env['CUDA_VISIBLE_DEVICES']);
    assert.equal([...cards].sort(), ['0', '1']);
    assert.ok((await v.apply(() => engine.job)).every((job) => job?.startsWith('directview-')));
    await v.scatter('a', range(17));
    assert.equal(await v.gather('a'), range(17));
  });

  test('no key is in an argument, a variable, or a log', () => {
    const engines = rc.engines.map(({ pid }) => pid);
    const { runDir } = JSON.parse(readFileSync(cluster.file, 'utf8')) as { runDir: string };
    const secret = loadEngineFile(runDir).credentials?.secretKey as string;
    const texts = engines.flatMap((pid) =>
      ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8')),
    );
    for (const text of [...texts, dask.log]) assert.not(text.includes(secret));
  });

  test('an engine that is killed: EngineError with its signal, the other answers, and another takes its place', async () => {
    const lost = rc.view(1).apply(forEver);
    await untilRunning(rc, [1]);
    process.kill(rc.engine(1)?.pid as number, 'SIGKILL');
    await rejects(() => lost, EngineError, /was killed by SIGKILL/);
    assert.is(await rc.view(0).apply(() => 1), 1);
    await cluster.restart(1);
    assert.equal(await rc.view(':').apply(() => 1), [1, 1]);
  });

  test('a place that is waited for: its reason is told, and the start can be aborted', async () => {
    const abort = new AbortController();
    const onEvent = (event: ClusterEvent) => events.push(event);
    const starting = start({ engines: 1, launcher: kind(), signal: abort.signal, onEvent });
    await until('the reason', () => waits().some((why) => /waits for a free worker with GPU 1/.test(why)), 30_000);
    abort.abort();
    await rejects(() => starting, AbortError);
  });

  test('a Dask that cannot be reached, and a Python without it, say so', async () => {
    const one = (launcher: object) => () => start({ engines: 1, launcher: kind(launcher) });
    await rejects(one({ python: '/nowhere/python' }), ClusterError, /python.*ENOENT/);
    const nowhere = { schedulerFile: undefined, address: 'tcp://127.0.0.1:9', connectTimeout: 3000 };
    await rejects(one(nowhere), ClusterError, /dask cannot be reached: .*(127\.0\.0\.1:9|connect)/s);
    await rejects(one({ node: '/nowhere/node', gpus: 0 }), ClusterError, /No such file or directory.*\/nowhere\/node/);
  });

  test('the tour, unchanged', async () => {
    const launcher = JSON.stringify(kind({ gpus: 0, perAgent: 2 }));
    const env = { ...process.env, DIRECTVIEW_LAUNCHER: launcher };
    const { stdout: text } = await run(process.execPath, [TOUR], { env, timeout: 180_000 });
    assert.match(text, /tour: \d+ checks passed/);
  });

  test('a gang takes all of its places at once, and none before', async () => {
    const told: string[] = [];
    const states = new Set<string>();
    const onEvent = (event: ClusterEvent) => {
      if (event.type !== 'placement') return;
      states.add(event.state);
      told.push(event.why ?? '');
    };
    const free = (count: number) => () =>
      told.at(-1) === `waits for 2 places at once with GPU 1: ${count} of 2 are free`;
    const gang = start({ engines: 2, gang: true, launcher: kind(), device: 'none', onEvent });
    await until('no free place', free(0), 30_000);
    await cluster.scale(1);
    await until('one free place', free(1), 30_000);
    const other = await start({ engines: 1, launcher: kind(), device: 'none' });
    await until('no free place again', free(0), 30_000);
    assert.equal([...states], ['queued']);
    await other.stop();
    await cluster.scale(0);
    const both = await gang;
    const client = await both.connect();
    assert.equal(await client.view(':').apply(() => engine.rank), [0, 1]);
    await client.close();
    await both.stop();
  });

  test('too few places in time: those that came are released; a later start takes them', async () => {
    const few = start({ engines: 3, min: 3, launcher: kind(), device: 'none', startTimeout: 8000 });
    await rejects(() => few, ClusterError, /2 of 3 engines got a place within 8000 ms of the first, and all 3/);
    await cluster.scale(2);
    assert.equal(await rc.view(':').apply(() => 1), [1, 1]);
  });

  test('a worker that is killed: EngineError, the other answers, and a new worker takes its engine', async () => {
    const [other, one] = rc.ids as [number, number];
    const card = await rc.view(one).apply(() => process.env['CUDA_VISIBLE_DEVICES']);
    const lost = rc.view(one).apply(forEver);
    await untilRunning(rc, [one]);
    const pid = rc.engine(one)?.pid as number;
    await dask.killWorker(Number(card));
    await rejects(() => lost, EngineError, new RegExp(`[Ee]ngine ${one} `));
    assert.is(await rc.view(other).apply(() => 6 * 7), 42);
    await until('the end of its engine', () => !isAlive(pid), 30_000);
    await dask.startWorker(Number(card));
    await cluster.restart(one);
    assert.equal(await rc.view(':').apply(() => 1), [1, 1]);
  });

  if (typeof hosts === 'string') test.skip('a host that is cut off', hosts);
  else defineCut(hosts.host(2), hosts);

  function defineCut(lh2: Host, hosts: Hosts): void {
    const working = () => hosts.processes(lh2).filter((line) => !/dask_worker/.test(line));
    test('a host that is cut off: a named error within the dead time, survivors answer, its engine ends by itself', async () => {
      const there = rc.engines.find(({ host }) => host === lh2.name)?.id as number;
      const here = rc.engines.find(({ host }) => host !== lh2.name)?.id as number;
      const lost = rc.view(there).apply(forEver);
      await untilRunning(rc, [there]);
      hosts.cut(lh2);
      await rejects(() => lost, EngineError, /did not answer for \d+ ms/);
      assert.is(await rc.view(here).apply(() => 6 * 7), 42);
      await until('the end of its engine', () => working().length === 0, 30_000);
      hosts.heal(lh2);
    });
  }

  test('a cluster that stops leaves no process, no task, no socket and no file', async () => {
    const pids = rc.engines.map(({ pid }) => pid);
    await rc.close();
    await cluster.stop();
    for (const pid of pids) await until(`the end of process ${pid}`, () => !isAlive(pid));
    assert.equal(readdirSync(state), []);
    assert.is(dask.tasks(), 0);
    assert.equal(
      readdirSync(sockets).filter((name) => !name.startsWith('dv-dask-')),
      [],
    );
  });

  test.run();
}
