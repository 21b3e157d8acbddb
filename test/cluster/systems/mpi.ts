// Open MPI's mpirun on this host: agents find their engines by their rank.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { ClusterError, EngineError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { isAlive, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { systemLock } from '../../support/systems/lock.ts';

declare const engine: { readonly rank: number; allReduce(value: Float64Array): Promise<Float64Array> };

/** This process goes on meanwhile: it holds the controller of another cluster. */
const run = promisify(execFile);
const TOUR = fileURLToPath(new URL('../../../examples/tour.js', import.meta.url));
const test = suite('systems/mpi');
const version = spawnSync('mpirun', ['--version'], { encoding: 'utf8' });
const isOpenMpi = version.stdout?.includes('Open MPI') === true;

if (!isOpenMpi) test.skip('mpirun', 'Open MPI is not installed');
else defineTests();
test.run();

function defineTests(): void {
  const home = mkdtempSync(join(tmpdir(), 'dv-mpi-'));
  const state = join(home, 'state');
  process.env['DIRECTVIEW_HOME'] = state;
  const args = ['--allow-run-as-root', '--oversubscribe'];
  let unlock: () => Promise<void>;
  let cluster: Cluster;
  let rc: Client;

  test.before(async () => {
    unlock = await systemLock();
    cluster = await Cluster.start({
      engines: 2,
      launcher: { kind: 'mpi', arguments: args },
      listen: 'tcp://127.0.0.1',
      device: 'cpu',
      threads: 1,
      deathTimeout: 10_000,
    });
    rc = await cluster.connect();
  });
  test.after(async () => {
    await rc?.close();
    await cluster?.stop();
    await unlock?.();
    rmSync(home, { recursive: true, force: true });
  });

  test('scatter, apply and gather are equal; engines exchange values', async () => {
    const v = rc.view(':');
    await v.scatter('a', range(17));
    assert.equal(await v.gather('a'), range(17));
    const sums = await v.apply(async () => [...(await engine.allReduce(Float64Array.of(engine.rank + 1)))]);
    assert.equal(sums, [[3], [3]]);
  });

  test('an engine that is killed: EngineError with its signal, the other answers, and another takes its place', async () => {
    const lost = rc.view(1).apply(() => new Promise<never>(() => {}));
    await untilRunning(rc, [1]);
    process.kill(rc.engine(1)?.pid as number, 'SIGKILL');
    await rejects(() => lost, EngineError, /was killed by SIGKILL/);
    assert.is(await rc.view(0).apply(() => 1), 1);
    await cluster.restart(1);
    assert.equal(await rc.view(':').apply(() => 1), [1, 1]);
  });

  test('scale: up by another mpirun, down, and up again, while a map runs; engines of all of them exchange values', async () => {
    const work = async (i: number) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      return i * i;
    };
    const items = Array.from({ length: 300 }, (_, i) => i);
    const result = rc.loadBalanced('all', { retries: 5 }).map(work, items);
    await until('a first item', () => result.progress > 0, 30_000);
    assert.is((await cluster.scale(3)).length, 3);
    assert.is((await cluster.scale(1)).length, 1);
    await cluster.scale(2);
    assert.equal(
      await result,
      items.map((i) => i * i),
    );
    const sums = await rc.view(':').apply(async () => [...(await engine.allReduce(Float64Array.of(engine.rank + 1)))]);
    assert.equal(sums, [[3], [3]]);
  });

  test('more engines than slots are refused in plain words, and those that are there stay', async () => {
    const launcher = { kind: 'mpi', arguments: ['--allow-run-as-root', '--host', 'localhost:1'] };
    const one = await Cluster.start({ engines: 1, launcher, listen: 'tcp://127.0.0.1', device: 'none', threads: 1 });
    try {
      await rejects(
        () => one.scale(3),
        ClusterError,
        /lost its mpirun.*too few slots for 2 processes at once: give hosts more of them/,
      );
      const client = await one.connect();
      assert.equal(await client.view(':').apply(() => 1), [1]);
    } finally {
      await one.stop();
    }
  });

  test('what mpirun refuses is said in its own words', async () => {
    const start = (launcher: object) => () =>
      Cluster.start({ engines: 1, launcher: { kind: 'mpi', ...launcher }, device: 'cpu', threads: 1 });
    await rejects(start({ arguments: [...args, '--no-such-option'] }), ClusterError, /no-such-option/);
    await rejects(start({ mpirun: '/nowhere/mpirun' }), ClusterError, /mpirun.*ENOENT/);
  });

  test('the tour, unchanged', async () => {
    const env = { ...process.env, DIRECTVIEW_LAUNCHER: JSON.stringify({ kind: 'mpi', arguments: args }) };
    const { stdout: text } = await run(process.execPath, [TOUR], { env, timeout: 180_000 });
    assert.match(text, /tour: \d+ checks passed/);
  });

  test('a cluster that stops leaves no process and no file', async () => {
    const pids = rc.engines.map(({ pid }) => pid);
    await cluster.stop();
    for (const pid of pids) await until(`the end of process ${pid}`, () => !isAlive(pid));
    assert.equal(readdirSync(state), []);
  });
}
