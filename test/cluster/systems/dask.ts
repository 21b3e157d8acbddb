// Dask on this host: two workers with one false card each, whose tasks are agents.
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
import { systemLock } from '../../support/systems/lock.ts';

declare const engine: { readonly id: number; readonly rank: number; readonly job: string | undefined };

/** This process goes on meanwhile: it holds the controller of another cluster. */
const run = promisify(execFile);
const TOUR = fileURLToPath(new URL('../../../examples/tour.js', import.meta.url));
const test = suite('systems/dask');
const found = pythonWith('distributed');

if (found === undefined) test.skip('Dask with two workers', 'no Python with the module distributed is installed');
else defineTests(found);
test.run();

function defineTests(python: string): void {
  const home = mkdtempSync(join(tmpdir(), 'dv-dask-home-'));
  const state = join(home, 'state');
  process.env['DIRECTVIEW_HOME'] = state;
  const events: ClusterEvent[] = [];
  const waits = () => events.flatMap((e) => (e.type === 'placement' && e.state === 'queued' ? [e.why ?? ''] : []));
  let unlock: () => Promise<void>;
  let dask: TestDask;
  let cluster: Cluster;
  let rc: Client;

  const kind = (more: object = {}) => ({ kind: 'dask', python, schedulerFile: dask.schedulerFile, gpus: 1, ...more });
  const start = (options: StartOptions) =>
    Cluster.start({ listen: 'tcp://127.0.0.1', device: 'cpu', threads: 1, deathTimeout: 10_000, ...options });
  const forEver = () => new Promise<never>(() => {});

  test.before(async () => {
    unlock = await systemLock();
    dask = await TestDask.open(python, 2);
    cluster = await start({ engines: 2, launcher: kind() });
    rc = await cluster.connect();
  });
  test.after(async () => {
    await rc?.close();
    await cluster?.stop();
    await dask?.close();
    await unlock?.();
    rmSync(home, { recursive: true, force: true });
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

  test('a worker that is killed: EngineError, the other answers', async () => {
    const card = await rc.view(1).apply(() => process.env['CUDA_VISIBLE_DEVICES']);
    const lost = rc.view(1).apply(forEver);
    await untilRunning(rc, [1]);
    const pid = rc.engine(1)?.pid as number;
    await dask.killWorker(Number(card));
    await rejects(() => lost, EngineError, /[Ee]ngine 1 /);
    assert.is(await rc.view(0).apply(() => 6 * 7), 42);
    await until('the end of its engine', () => !isAlive(pid), 30_000);
  });

  test('a cluster that stops leaves no process and no file', async () => {
    const pids = rc.engines.map(({ pid }) => pid);
    await cluster.stop();
    for (const pid of pids) await until(`the end of process ${pid}`, () => !isAlive(pid));
    assert.equal(readdirSync(state), []);
  });
}
