// Slurm on two hosts with two false cards each: the client on lh1, engines where Slurm puts them, over tcp and keys.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import type { ClusterEvent, StartOptions } from '../../../src/cluster/start-options.ts';
import { AbortError, ClusterError, EngineError } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { isAlive, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { Hosts, noHosts, runOn } from '../../support/systems/hosts.ts';
import { systemLock } from '../../support/systems/lock.ts';
import { noSlurm, SlurmDaemons, TestSlurm } from '../../support/systems/slurm.ts';

declare const engine: { readonly id: number; readonly host: string; readonly job: string | undefined };

const TITLE = 'systems/slurm';
const CLI = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const TOUR = fileURLToPath(new URL('../../../examples/tour.js', import.meta.url));
const inside = Hosts.inherited();

if (inside !== undefined) defineTests(inside);
else await openSlurm();

async function openSlurm(): Promise<void> {
  const reason = noHosts() ?? noSlurm();
  if (reason !== undefined) return suite(TITLE).skip('Slurm on two hosts', reason);
  const unlock = await systemLock();
  const hosts = await Hosts.open(2);
  const slurm = await TestSlurm.open(hosts);
  process.env['SLURM_CONF'] = slurm.conf;
  await runOn(hosts, hosts.host(1));
  if (process.exitCode !== 0) console.log(slurm.log);
  await slurm.close();
  await hosts.close();
  await unlock();
}

function defineTests(hosts: Hosts): void {
  const test = suite(TITLE);
  const home = mkdtempSync(join(tmpdir(), 'dv-slurm-home-'));
  process.env['DIRECTVIEW_HOME'] = join(home, 'state');
  const daemons = new SlurmDaemons(hosts);
  let events: ClusterEvent[] = [];

  const queue = () => execFileSync('squeue', ['-h', '-r', '-o', '%i %T'], { encoding: 'utf8' }).trim();
  const noJobs = () => until('an empty queue', () => queue() === '', 30_000);
  const start = (options: StartOptions, more: Readonly<Record<string, unknown>> = {}) => {
    events = [];
    const onEvent = (event: ClusterEvent) => events.push(event);
    const launcher = { kind: 'slurm', poll: 200, ...more };
    return Cluster.start({ launcher, device: 'cpu', threads: 1, onEvent, ...options });
  };
  const waits = () =>
    events.flatMap((event) => (event.type === 'placement' && event.state === 'queued' ? [event.why] : []));

  test.after(async () => {
    await daemons.close();
    rmSync(home, { recursive: true, force: true });
  });

  for (const lifetime of ['attached', 'detached'] as const) {
    test(`${lifetime}: scatter, apply, gather; a killed engine by its signal; a cancelled step; nothing is left`, async () => {
      const cluster = await start({ engines: 4 }, { lifetime, gpus: 1 });
      try {
        const rc = await cluster.connect();
        const all = rc.view('all');
        const cards = await all.apply(() => `${engine.host} ${process.env['CUDA_VISIBLE_DEVICES']}`);
        assert.equal([...new Set(cards)].sort(), ['lh1 0', 'lh1 1', 'lh2 0', 'lh2 1']);
        assert.ok((await all.apply(() => engine.job)).every((job) => /^\d+[._]\d+$/.test(job ?? '')));
        assert.ok(cluster.engines.every(({ tasks }) => tasks.startsWith('tcp://10.77.0.1')));
        await all.scatter('x', range(0, 1000));
        await all.apply(() => undefined);
        assert.equal(
          Array.from((await all.gather('x')) as Iterable<number>),
          Array.from({ length: 1000 }, (_, i) => i),
        );

        const lost = rc.view(3).apply(() => new Promise<never>(() => {}));
        await untilRunning(rc, [3]);
        cluster.signal('SIGKILL', 3);
        await rejects(() => lost, EngineError, /was killed by SIGKILL/);
        assert.equal(await rc.view([0, 1, 2]).apply(() => engine.id), [0, 1, 2]);

        await cluster.restart(3);
        assert.equal(await rc.view('all').apply(() => engine.id), [0, 1, 2, 3]);

        if (lifetime === 'detached') {
          const job = await rc.view(2).apply(() => engine.job ?? '');
          const cut = rc.view(2).apply(() => new Promise<never>(() => {}));
          await untilRunning(rc, [2]);
          execFileSync('scancel', [job]);
          await rejects(() => cut, EngineError, /engine 2 /i);
          assert.equal(await rc.view([0, 1, 3]).apply(() => 1), [1, 1, 1]);
        }
      } finally {
        await cluster.stop();
      }
      await noJobs();
      assert.equal(readdirSync(join(home, 'state')), []);
    });
  }

  test('a job that waits: its reason is told, and the start can be aborted', async () => {
    const holder = await start({ engines: 4 }, { gpus: 1 });
    try {
      const abort = new AbortController();
      const starting = start({ engines: 1, signal: abort.signal }, { gpus: 1 });
      await until('the reason', () => waits().some((why) => /Resources|Priority/.test(why ?? '')), 30_000);
      abort.abort();
      await rejects(() => starting, AbortError);
      await until('four jobs', () => queue().split('\n').length === 4, 30_000);
    } finally {
      await holder.stop();
    }
    await noJobs();
  });

  test('more engines than cards: some are enough; too few are released with an error that says so', async () => {
    const some = await start({ engines: 6, min: 3 }, { gpus: 1 });
    try {
      assert.ok(some.engines.length >= 3);
      await until('four engines', () => some.engines.length === 4);
      assert.ok(waits().length > 0);
    } finally {
      await some.stop();
    }
    const few = start({ engines: 6, min: 5, startTimeout: 5000 }, { gpus: 1 });
    await rejects(() => few, ClusterError, /4 of 6 engines got a place within 5000 ms of the first, and at least 5/);
    await noJobs();
  });

  test('a request that can never be met fails in the words of Slurm', async () => {
    await rejects(
      () => start({ engines: 1 }, { gpus: 9 }),
      ClusterError,
      /sbatch failed: .*[Rr]equested node configuration/,
    );
    await rejects(
      () => start({ engines: 1 }, { gpus: 9, lifetime: 'attached' }),
      ClusterError,
      /srun.*[Rr]equested node configuration/,
    );
    await rejects(() => start({ engines: 1 }, { partition: 'none' }), ClusterError, /invalid partition/i);
    await noJobs();
  });

  test('a host that Slurm takes down: the error says host, job and state; a cancelled job says so, too', async () => {
    const cluster = await start({ engines: 4 }, { gpus: 1, lifetime: 'detached' });
    const scontrol = (...fields: string[]) => spawnSync('scontrol', ['update', 'NodeName=lh2', ...fields]).status;
    try {
      const rc = await cluster.connect();
      const forEver = (id: number) => rc.view(id).apply(() => new Promise<never>(() => {}));
      const there = cluster.engines.filter(({ host }) => host === 'lh2');
      const [here] = cluster.engines.filter(({ host }) => host === 'lh1');
      assert.is(there.length, 2);
      const ends = there.map(({ id, job }) => ({ end: forEver(id), job }));
      await untilRunning(
        rc,
        there.map(({ id }) => id),
      );
      assert.is(scontrol('State=DOWN', 'Reason=test'), 0);
      for (const { end, job } of ends)
        await rejects(() => end, EngineError, new RegExp(`lost its host lh2: Slurm says NODE_FAIL of job ${job}`));
      const { id, job } = here as (typeof there)[number];
      const cut = forEver(id);
      await untilRunning(rc, [id]);
      execFileSync('scancel', [job as string]);
      await rejects(() => cut, EngineError, new RegExp(`was ended by Slurm: job ${job}, CANCELLED`));
      assert.is((await rc.view('all').apply(() => 1)).length, 1);
    } finally {
      await cluster.stop();
      scontrol('State=RESUME'); // refused where its daemon has already brought it back
    }
    await noJobs();
    const idle = () => execFileSync('sinfo', ['-h', '-N', '-o', '%T'], { encoding: 'utf8' }).trim() === 'idle\nidle';
    await until('both hosts', idle, 30_000);
  });

  test('a program that was killed: its jobs are shown, and ended, by other commands', async () => {
    const cli = (...args: string[]) => execFileSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
    const set = ['--set', 'gpus=1', '--set', 'poll=200'];
    const flags = ['--launcher', 'slurm', '-n', '6', '--min', '4', '--device', 'none', '--daemonize', '--json'];
    const { pid } = JSON.parse(cli('start', '--name', 'mine', ...flags, ...set)) as { pid: number };
    process.kill(pid, 'SIGKILL');
    await until('its end', () => !isAlive(pid));
    const status = cli('status', 'mine');
    assert.match(status, /cluster 'mine' has lost its process \d+ on lh1; slurm still has its jobs/);
    assert.is(status.match(/has its place +\d+_\d +lh[12]/g)?.length, 4, status);
    assert.is(status.match(/queued +\d+_\d +- +(Resources|Priority)/g)?.length, 2, status);
    assert.match(cli('stop', 'mine'), /ended with slurm: \d+_\d/);
    assert.is(queue(), '');
    assert.equal(readdirSync(join(home, 'state')), []);
  });

  test('daemons of Slurm that are gone for a while: engines go on, what waits is unknown meanwhile', async () => {
    const cluster = await start({ engines: 5, min: 4 }, { gpus: 1, lifetime: 'detached' });
    try {
      const rc = await cluster.connect();
      await until('four engines', () => cluster.engines.length === 4);
      const [last] = [0, 1, 2, 3, 4].filter((id) => !rc.ids.includes(id)) as [number];
      const states = () =>
        events.flatMap((event) => (event.type === 'placement' && event.ids.includes(last) ? [event.state] : []));
      const goOn = async (sum: number) => assert.is((await rc.view('all').apply(() => 1)).length, sum);
      const kill = async (id: number) => {
        const lost = rc.view(id).apply(() => new Promise<never>(() => {}));
        await untilRunning(rc, [id]);
        cluster.signal('SIGKILL', id);
        await rejects(() => lost, EngineError, /was killed by SIGKILL/);
        await cluster.restart(id);
      };
      await until('the queue', () => states().at(-1) === 'queued', 30_000);

      await daemons.stopController();
      await until('no answer', () => states().at(-1) === 'unknown', 60_000);
      await goOn(4);
      await kill(rc.ids[0] as number);
      daemons.startController();
      await until('an answer', () => states().at(-1) === 'queued', 60_000);
      await goOn(4);

      const there = cluster.engines.filter(({ host }) => host === 'lh2').map(({ id }) => id) as [number, number];
      await daemons.killNode(2);
      await kill(there[0]);
      await goOn(4);
      daemons.startNode(2);
      await cluster.shutdown(there[1]);
      await until('the engine that has waited', () => rc.ids.includes(last), 60_000);
      await goOn(4);
    } finally {
      await cluster.stop();
    }
    await noJobs();
  });

  test('the tour, unchanged', () => {
    const env = { ...process.env, DIRECTVIEW_LAUNCHER: '{"kind":"slurm","gpus":1,"poll":200}' };
    const text = execFileSync(process.execPath, [TOUR], { env, encoding: 'utf8', timeout: 120_000 });
    assert.match(text, /tour: \d+ checks passed/);
  });

  test.run();
}
