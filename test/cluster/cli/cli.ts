// The command line as real processes: start, list, status, engine, stop; strictness; exit codes; no orphans.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import { pidRuns } from '../../../src/cluster/files/process-identity.ts';
import { allGone, ClusterLab, isPending, isStopped, Program, type Ran, until } from '../../fixtures/cluster-lab.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cli');
const lab = new ClusterLab();
test.after(() => lab.remove());
/** Engines that stop before they register. */
const SILENT = { DIRECTVIEW_FAULT: 'engine.start:stop' };
/** A device that cannot be had without a package of its own. */
const NO_DEVICE = ['--device', 'headlessgl'] as const;

const program = (...args: string[]) => new Program('src/cli/main.js', args);
const run = (...args: string[]): Promise<Ran> => program(...args).done;

interface StatusJson {
  readonly owner: { readonly pid: number };
  readonly engines: readonly {
    readonly id: number;
    readonly pid: number;
    readonly status: { completed: number } | null;
  }[];
}

async function statusOf(name: string): Promise<StatusJson> {
  const { code, stdout, stderr } = await run('status', name, '--json');
  assert.is(code, 0, stderr);
  return JSON.parse(stdout) as StatusJson;
}

const WRONG: readonly [string[], RegExp][] = [
  [[], /Usage: directview/],
  [['bogus'], /unknown command 'bogus'/],
  [['--bogus'], /unknown option '--bogus'/],
  [['start', '--bogus'], /unknown option '--bogus'/],
  [['start', 'extra'], /too many arguments/],
  [['start', '-n', '0'], /must be a whole number of at least 1/],
  [['start', '-n', '1.5'], /must be a whole number of at least 1/],
  [['start', '-n', 'four'], /must be a whole number of at least 1/],
  [['start', '--device', 'abacus'], /Allowed choices are auto, webgpu/],
  [['start', '--gpu', '-1'], /must be a whole number of at least 0/],
  [['start', '--gpu', 'H200'], /or a UUID such as GPU-8a6f0c31/],
  [['stop', 'a', '--all'], /not both/],
  [['stop', '--private'], /--private goes with --all/],
  [['stop', 'a', '--private'], /--private goes with --all/],
  [['stop', '--timeout', 'soon'], /number of seconds/],
  [['list', '--yaml'], /unknown option '--yaml'/],
  [['status', 'a', 'b'], /too many arguments/],
  [['setup'], /missing required argument 'what'/],
  [['setup', 'cuda'], /Allowed choices are tensorflow/],
  [['engine'], /required option '--cluster-file <path>'/],
];

for (const [args, message] of WRONG) {
  test(`directview ${args.join(' ')}: exit 2 and what is wrong`, async () => {
    const { code, stderr, stdout } = await run(...args);
    assert.is(code, 2, stderr);
    assert.match(stderr, message);
    assert.is(stdout, '');
  });
}

test('help and version go to stdout, exit 0', async () => {
  const help = await run('--help');
  assert.is(help.code, 0);
  for (const name of ['start', 'stop', 'list', 'status', 'engine'])
    assert.match(help.stdout, new RegExp(`^  ${name}`, 'm'));
  const start = await run('start', '--help');
  assert.is(start.code, 0);
  assert.match(start.stdout, /--software-gpu/);
  const version = await run('--version');
  assert.is(version.code, 0);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
});

test('without clusters: list says so, status and stop fail with the remedy', async () => {
  assert.equal((await run('list')).stdout, 'no cluster is running\n');
  assert.equal((await run('list', '--json')).stdout, '[]\n');
  for (const command of ['status', 'stop']) {
    const { code, stderr } = await run(command);
    assert.is(code, 1);
    assert.match(stderr, /^directview: no cluster is running.*directview start\n$/);
  }
  assert.match((await run('status', 'nemo')).stderr, /no cluster file at .*nemo\.json/);
  assert.is((await run('stop', '--all')).code, 0);
});

test('start, list, status, stop', async () => {
  const owner = program('start', '-n', '2', '--device', 'cpu');
  await owner.says(/cluster 'default' is running: 2 engines on cpu \(.+\), pid \d+/);
  const rc = await Client.connect(join(lab.home, 'default.json'));
  for (let n = 0; n < 7; n++) await rc.view(':').apply(() => 5);
  await rc.close();
  const { engines } = await statusOf('default');
  assert.equal(
    engines.map((engine) => [engine.id, engine.status?.completed]),
    [
      [0, 7],
      [1, 7],
    ],
  );
  const listed = (await run('list')).stdout;
  assert.match(listed, /^name +pid +started \(UTC\) +state +file\ndefault +\d+ +\S+ \S+ +running +\S+default\.json\n$/);
  const table = (await run('status')).stdout.split('\n').slice(1, 4);
  assert.match(table[0]!, /^id +pid +kind +adapter +threads +queue +completed +rss MB$/);
  assert.is(new Set(table.map((line) => line.length)).size, 1, `the columns do not line up:\n${table.join('\n')}`);
  const stopped = await run('stop');
  assert.equal([stopped.code, stopped.stdout], [0, "cluster 'default' is stopped\n"]);
  assert.is((await owner.done).code, 0);
  assert.ok(allGone(engines.map((engine) => engine.pid)));
  assert.equal(lab.leftovers(), []);
});

test('Ctrl-C on start: exit 130, nothing left', async () => {
  const owner = program('start', '-n', '2', '--device', 'cpu', '--name', 'ctrl-c');
  await owner.says(/is running/);
  const { engines } = await statusOf('ctrl-c');
  owner.child.kill('SIGINT');
  assert.is((await owner.done).code, 130);
  assert.ok(allGone(engines.map((engine) => engine.pid)));
  assert.equal(lab.leftovers(), []);
});

test('Ctrl-C while it starts: nothing left', async () => {
  const owner = new Program('src/cli/main.js', ['start', '-n', '2', '--device', 'cpu'], SILENT);
  await until('its directory', () => lab.leftovers().length > 0);
  owner.child.kill('SIGINT');
  assert.is((await owner.done).code, 130);
  assert.equal(lab.leftovers(), []);
});

test('a start that fails: exit 1, what the engine wrote, nothing left', async () => {
  const here = await run('start', '-n', '2', ...NO_DEVICE);
  const daemon = await run('start', '-n', '2', ...NO_DEVICE, '--daemonize');
  for (const { code, stderr } of [here, daemon]) {
    assert.is(code, 1);
    assert.match(stderr, /engine \d exited with code 1 before it was ready/);
    assert.match(stderr, /cannot start: .*headlessgl/);
  }
  assert.equal(lab.leftovers(), []);
});

/** A message, and no stack trace after it. */
const ONE_LINE = /^directview: [^\n]+\n$/;

test('two names side by side: a third command must choose; stop --all ends both', async () => {
  const a = await run('start', '-n', '1', '--device', 'cpu', '--name', 'a', '--daemonize');
  const b = await run('start', '-n', '1', '--device', 'cpu', '--name', 'b', '--daemonize');
  assert.equal([a.code, b.code], [0, 0]);
  assert.match(a.stdout, /cluster 'a' is running: 1 engine on/);
  const taken = await run('start', '-n', '1', '--name', 'a');
  assert.is(taken.code, 1);
  assert.match(taken.stderr, /'a' is running already/);
  assert.match(taken.stderr, ONE_LINE);
  const takenByDaemon = await run('start', '-n', '1', '--name', 'a', '--daemonize');
  assert.is(takenByDaemon.code, 1);
  assert.match(takenByDaemon.stderr, /the daemon did not start: a cluster named 'a' is running already/);
  assert.match(takenByDaemon.stderr, ONE_LINE);
  assert.match((await run('status')).stderr, /several clusters are running: name one of a, b/);
  const pids = [(await statusOf('a')).owner.pid, (await statusOf('b')).owner.pid];
  const listed = JSON.parse((await run('list', '--json')).stdout) as { name: string; stale: boolean }[];
  assert.equal(
    listed.map(({ name, stale }) => [name, stale]),
    [
      ['a', false],
      ['b', false],
    ],
  );
  assert.is((await run('stop', '--all')).code, 0);
  await until('the daemons to end', () => allGone(pids));
  assert.equal(lab.leftovers(), []);
});

test('a killed cluster is listed as stale once, and cleared away', async () => {
  const owner = program('start', '-n', '1', '--device', 'cpu');
  await owner.says(/is running/);
  const { engines } = await statusOf('default');
  owner.child.kill('SIGKILL');
  await owner.done;
  await until('the engine to end', () => allGone(engines.map((engine) => engine.pid)));
  assert.match((await run('list')).stdout, /default .* stale, removed/);
  assert.equal(lab.leftovers(), []);
});

test('stop ends a cluster whose owner does not answer', async () => {
  const owner = program('start', '-n', '1', '--device', 'cpu');
  await owner.says(/is running/);
  const { engines } = await statusOf('default');
  owner.child.kill('SIGSTOP');
  await until('the owner to stand still', () => isStopped(owner.child.pid as number));
  const stopping = program('stop', '--timeout', '20');
  await until('the signal that nobody takes', () => isPending(owner.child.pid as number, 'SIGTERM'), 30_000);
  owner.child.kill('SIGCONT');
  assert.is((await stopping.done).code, 0);
  await owner.done;
  assert.ok(allGone(engines.map((engine) => engine.pid)));
  assert.equal(lab.leftovers(), []);
});

test('engine joins a running cluster, and ends with Ctrl-C or with the cluster', async () => {
  const owner = program('start', '-n', '1', '--device', 'cpu');
  await owner.says(/is running/);
  const file = join(lab.home, 'default.json');
  const first = program('engine', '--cluster-file', file, '--device', 'cpu', '--threads', '1');
  await first.says(/engine 1 \(pid \d+\) has joined cluster 'default'/);
  first.child.kill('SIGINT');
  assert.is((await first.done).code, 130);
  const second = program('engine', '--cluster-file', file, '--device', 'cpu');
  await second.says(/engine 2 \(pid \d+\) has joined/);
  const { engines } = await statusOf('default');
  assert.equal(
    engines.map((engine) => engine.id),
    [0, 2],
  );
  assert.is((await run('stop')).code, 0);
  assert.is((await second.done).code, 0);
  assert.ok(engines.every((engine) => !pidRuns(engine.pid)));
  await owner.done;
  assert.equal(lab.leftovers(), []);
});

test('engine without a cluster fails, and so does one that cannot start', async () => {
  const none = await run('engine', '--cluster-file', join(lab.home, 'none.json'));
  assert.is(none.code, 1);
  assert.match(none.stderr, /no cluster file at/);
  assert.not(existsSync(join(lab.home, 'none.json')));
  const owner = program('start', '-n', '1', '--device', 'cpu');
  await owner.says(/is running/);
  const failed = await run('engine', '--cluster-file', join(lab.home, 'default.json'), ...NO_DEVICE);
  assert.is(failed.code, 1);
  assert.match(failed.stderr, /cannot start: .*headlessgl/);
  owner.child.kill('SIGTERM');
  assert.is((await owner.done).code, 143);
});

test.run();
