// Slurm on two hosts whose cards come piecemeal, and which lose one host: every item of a map has its result once. Gangs,
// scripts of one's own, and programs that run inside a step.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import type { ClusterEvent, StartOptions } from '../../../src/cluster/start-options.ts';
import { AbortError, ClusterError, EngineError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { Hosts, noHosts, runOn } from '../../support/systems/hosts.ts';
import { systemLock } from '../../support/systems/lock.ts';
import { noSlurm, TestSlurm } from '../../support/systems/slurm.ts';

declare const engine: { readonly id: number; readonly host: string };

const TITLE = 'systems/slurm-elastic';
/** Milliseconds: Slurm gives a silent host up after half a minute. */
const SLOW = 100_000;
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
  const events: ClusterEvent[] = [];

  const queue = () => execFileSync('squeue', ['-h', '-r', '-o', '%i %T'], { encoding: 'utf8' }).trim();
  const noJobs = () => until('an empty queue', () => queue() === '', 60_000);
  const start = (options: StartOptions, more: Readonly<Record<string, unknown>> = {}) => {
    events.length = 0;
    const launcher = { kind: 'slurm', poll: 200, gpus: 1, ...more };
    return Cluster.start({ launcher, device: 'none', threads: 1, onEvent: (event) => events.push(event), ...options });
  };
  /** Takes cards, as the job of somebody else does; gives the number of the job. */
  const hold = (cards: number): string => {
    const argv = ['--parsable', `--gpus=${cards}`, '--nodes=1', '--output=/dev/null', '--wrap=exec sleep 600'];
    return execFileSync('sbatch', argv, { encoding: 'utf8' }).trim();
  };

  test.after(() => rmSync(home, { recursive: true, force: true }));

  test('2,000 tasks on an array that comes piecemeal, loses a host and gets it back: every item once', async () => {
    const holder = hold(2);
    await until('the holder runs', () => /RUNNING/.test(queue()), 30_000);
    const vitals = { interval: 250, suspect: 1000, dead: 3000 };
    const cluster = await start({ engines: 4, min: 1, restart: { times: 20, within: 600_000 }, vitals });
    try {
      const rc = await cluster.connect();
      const gate = join(home, 'gate');
      const work = async (i: number, path: string): Promise<[square: number, host: string]> => {
        const { existsSync } = await import('node:fs');
        const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
        await pause(5);
        // The last items wait until the lost host is back.
        while (i >= 1800 && !existsSync(path)) await pause(50);
        return [i * i, engine.host];
      };
      const items = Array.from({ length: 2000 }, (_, i) => i);
      const result = rc.loadBalanced('all', { retries: 10, hwm: 1 }).map(work, items, Array(2000).fill(gate));
      await until('a first item', () => result.progress > 0, 30_000);
      assert.ok(cluster.engines.length <= 2, 'the others wait');
      execFileSync('scancel', [holder]);
      await until('all four', () => cluster.engines.length === 4, SLOW);

      const lost = hosts.host(2);
      const old = cluster.engines.filter(({ host }) => host === lost.name).map(({ uuid }) => uuid);
      assert.is(old.length, 2);
      hosts.cut(lost);
      await until('the loss', () => cluster.engines.every(({ host }) => host !== lost.name), SLOW);
      await until('others are asked for', () => events.filter(isQueued).length >= 2, SLOW);
      hosts.heal(lost);
      await until('four again', () => cluster.engines.length === 4, SLOW);
      assert.ok(
        cluster.engines.every(({ uuid }) => !old.includes(uuid)),
        'the lost ones do not come back',
      );
      writeFileSync(gate, '');
      const values = await result;
      assert.equal(
        values.map(([square]) => square),
        items.map((i) => i * i),
      );
      assert.equal([...new Set(values.slice(1800).map(([, host]) => host))].sort(), ['lh1', 'lh2']);
    } finally {
      await cluster.stop();
    }
    await noJobs();
  });

  test('scale: jobs are asked for and given back, those that wait first', async () => {
    const cluster = await start({ engines: 2 });
    try {
      const more = cluster.scale(6);
      await until('four', () => cluster.engines.length === 4, SLOW);
      const fewer = cluster.scale(1);
      await rejects(() => more, Error, /gave way to a later change/);
      const [left] = await fewer;
      await until('one job', () => queue().split('\n').length === 1, SLOW);
      const rc = await cluster.connect();
      assert.equal(await rc.view('all').apply(() => engine.id), [left]);
    } finally {
      await cluster.stop();
    }
    await noJobs();
  });

  test('scale: a step that waits as a whole is given back when none of its engines is wanted', async () => {
    const cluster = await start({ engines: 2 }, { lifetime: 'attached' });
    try {
      const more = cluster.scale(6);
      await until('a job that waits', () => /PENDING/.test(queue()), SLOW);
      const fewer = cluster.scale(2);
      await rejects(() => more, Error, /gave way to a later change/);
      assert.is((await fewer).length, 2);
      await until('one job', () => queue().split('\n').length === 1, SLOW);
      assert.match(queue(), /RUNNING/);
    } finally {
      await cluster.stop();
    }
    await noJobs();
  });

  test('jobs whose numbers Slurm tells late: a start that is given up meanwhile, or stopped, leaves none', async () => {
    // The real sbatch, whose answer comes when the file is there.
    const [folder, gate] = [join(home, 'bin'), join(home, 'late')];
    mkdirSync(folder);
    const sbatch = execFileSync('sh', ['-c', 'command -v sbatch'], { encoding: 'utf8' }).trim();
    const script = `#!/bin/sh\nid=$(${sbatch} "$@") || exit\nwhile ! [ -e '${gate}' ]; do sleep 0.1; done\necho "$id"\n`;
    writeFileSync(join(folder, 'sbatch'), script, { mode: 0o755 });
    const path = process.env['PATH'];
    process.env['PATH'] = `${folder}:${path}`;
    try {
      const abort = new AbortController();
      const starting = start({ engines: 2, signal: abort.signal });
      await until('two jobs', () => queue().split('\n').length === 2, SLOW);
      abort.abort();
      writeFileSync(gate, '');
      await rejects(() => starting, AbortError);
    } finally {
      process.env['PATH'] = path;
    }
    assert.is(queue(), '');
  });

  test('a job that somebody cancels while it waits, and one that a script does not start, end the start', async () => {
    const holders = [hold(2), hold(2)];
    const ended = async (engines: number, more: Readonly<Record<string, unknown>>, says: RegExp) => {
      const starting = start({ engines }, more);
      if (Object.keys(more).length === 0) {
        await until(
          'the jobs',
          () =>
            queue()
              .split('\n')
              .filter((line) => /PENDING/.test(line)).length === engines,
          SLOW,
        );
        await until(
          'a poll',
          () => events.some((event) => event.type === 'placement' && /_0$/.test(event.job ?? '')),
          SLOW,
        );
        execFileSync('scancel', [/(\d+_0) PENDING/.exec(queue())?.[1] as string]);
      }
      await rejects(() => starting, ClusterError, says);
    };
    await ended(1, {}, /was ended by Slurm: job \d+_0, CANCELLED/);
    await ended(2, {}, /has no place: Slurm has no job \d+_0 in its queue/);
    execFileSync('scancel', holders);
    const script = (array: string) => `#!/bin/sh\n${array}#SBATCH --gpus=1\nexit 3 # {command}\n`;
    await ended(2, { template: script('') }, /ended with its Slurm job \d+_\d \(FAILED\)/);
    await noJobs();
  });

  test('a gang: one job; a killed engine leaves the others', async () => {
    const cluster = await start({ engines: 4, gang: true });
    try {
      assert.is(queue().split('\n').length, 1);
      const rc = await cluster.connect();
      const lost = rc.view(1).apply(() => new Promise<never>(() => {}));
      await untilRunning(rc, [1]);
      cluster.signal('SIGKILL', 1);
      await rejects(() => lost, EngineError, /was killed by SIGKILL/);
      assert.equal(await rc.view([0, 2, 3]).apply(() => engine.id), [0, 2, 3]);
    } finally {
      await cluster.stop();
    }
    await noJobs();
  });

  test("a batch script of one's own", async () => {
    const template = [
      '#!/bin/sh',
      '#SBATCH --job-name=mine',
      '#SBATCH --array=0-{last}',
      '#SBATCH --gpus={gpus}',
      '#SBATCH --cpus-per-task={cpus}',
      '#SBATCH --output={log}/%A_%a.out',
      'export MINE=yes',
      'exec {command}',
    ].join('\n');
    const cluster = await start({ engines: 2 }, { template: `${template}\n` });
    try {
      const names = execFileSync('squeue', ['-h', '-r', '-o', '%j'], { encoding: 'utf8' }).trim().split('\n');
      assert.equal(names, ['mine', 'mine']);
      const rc = await cluster.connect();
      assert.equal(await rc.view('all').apply(() => engine.id), [0, 1]);
    } finally {
      await cluster.stop();
    }
    await noJobs();
  });

  test('a program that itself runs in a step', async () => {
    const entry = pathToFileURL(join(import.meta.dirname, '../../../src/index.js')).href;
    const program = [
      `import { Cluster } from ${JSON.stringify(entry)};`,
      "const launcher = { kind: 'slurm', gpus: 1, poll: 200 };",
      "const cluster = await Cluster.start({ launcher, engines: 2, device: 'none', threads: 1 });",
      'const rc = await cluster.connect();',
      "console.log(JSON.stringify(await rc.view('all').apply(() => engine.id)));",
      'await cluster.stop();',
    ].join('\n');
    const file = join(home, 'program.mjs');
    writeFileSync(file, program);
    const argv = ['-n1', '-N1', '--cpus-per-task=2', '--gpus=2', process.execPath, file];
    const text = execFileSync('srun', argv, { encoding: 'utf8', timeout: SLOW });
    assert.is(text.trim(), '[0,1]');
    await noJobs();
    assert.equal(readdirSync(join(home, 'state')), []);
  });

  test.run();
}

function isQueued(event: ClusterEvent): boolean {
  return event.type === 'placement' && event.state === 'queued' && /was submitted/.test(event.why ?? '');
}
