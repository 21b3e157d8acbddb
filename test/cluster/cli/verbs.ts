// `directview interrupt`, `restart` and `logs`; `--json`, `--timeout` and exit codes of the other commands.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { ClusterLab, Program, type Ran } from '../../fixtures/cluster-lab.ts';
import { rejects } from '../../support/assert.ts';
import { isAlive, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('cli/verbs');
const lab = new ClusterLab();
const dir = temporaryFolder('dvverbs-');
const program = (...args: string[]) => new Program('src/cli/main.js', args);
const run = (...args: string[]): Promise<Ran> => program(...args).done;
const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
/** The line that names a cluster of another process: of this one. */
const USES = `directview: using cluster 'default' of process ${process.pid}\n`;
const ok = (stdout: string): Ran => ({ code: 0, signal: null, stdout, stderr: '' });

let cluster: Cluster;
test.before(async () => {
  cluster = await Cluster.start({ engines: 2, device: 'cpu', name: 'default' });
});
test.after(async () => {
  await cluster.stop();
  assert.equal(lab.leftovers(), []);
  lab.remove();
  rmSync(dir, { recursive: true });
});

test('interrupt ends what runs: on all engines, on some, by --cluster', async () => {
  await using rc = await cluster.connect();
  const loop = () => {
    for (;;);
  };
  const both = rc.view(':').apply(loop);
  await untilRunning(rc, [0, 1]);
  assert.equal(await run('interrupt', '-t', '1'), ok("engine 1 of cluster 'default': interrupted\n"));
  assert.is((await rc.status()).get(0)?.running === null, false, 'engine 0 goes on');
  assert.equal(JSON.parse((await run('interrupt', '--cluster', 'default', '--json')).stdout), {
    cluster: 'default',
    interrupted: [0, 1],
  });
  await rejects(() => both, Error, /TaskInterrupted/);
  assert.equal(
    await rc
      .view(':')
      .execute('engine.id', { silent: false })
      .then((replies) => replies.map(({ text }) => text)),
    ['0', '1'],
    'they are the same engines',
  );
});

test('restart gives new processes under the same ids', async () => {
  const pids = cluster.engines.map((engine) => engine.pid);
  assert.equal(await run('restart', 'default', '-t', '0'), ok("engine 0 of cluster 'default': restarted\n"));
  assert.is(isAlive(pids[0] as number), false);
  assert.is(isAlive(pids[1] as number), true);
  assert.equal(
    cluster.engines.map((engine) => engine.id),
    [0, 1],
  );
});

/** Runs a command whose standard output closes when it has written something, or at once. Exit code, and stderr. */
async function unread(args: readonly string[], { input = '', atOnce = false } = {}): Promise<[number | null, string]> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  if (atOnce) child.stdout.destroy();
  else child.stdout.once('data', () => child.stdout.destroy());
  child.stdin.end(input);
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += String(text);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return [code, errors];
}

for (const [what, args, input] of [
  ['list', ['list', '--json'], ''],
  ['status', ['status'], ''],
  ['a session', ['repl', '--cluster', 'default'], 'rc.ids\nrc.ids\n'],
] as const)
  test(`${what} whose output nobody reads ends without a trace`, async () => {
    const [code, errors] = await unread(args, { input, atOnce: true });
    assert.is(code, 141);
    assert.not.match(errors, /EPIPE|at /);
  });

if (process.platform === 'linux')
  test('a full disk behind the output is told in a line', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [MAIN, 'status'], { stdio: ['ignore', full, 'pipe'] });
    let errors = '';
    child.stderr?.on('data', (text) => {
      errors += String(text);
    });
    const [code] = await once(child, 'close');
    closeSync(full);
    assert.equal(
      [code, errors],
      [1, 'directview: the output cannot be written: ENOSPC: no space left on device, write\n'],
    );
  });
else test.skip('a full disk behind the output is told in a line', 'there is no /dev/full');

test('scale gives more engines, and fewer', async () => {
  assert.equal(await run('scale', '3'), ok("cluster 'default': engines 0, 1, 2\n"));
  const { stdout, code } = await run('scale', '2', '--cluster', 'default', '--json');
  assert.equal([code, JSON.parse(stdout)], [0, { cluster: 'default', engines: [0, 1] }]);
});

test('logs: text outside of tasks, unhandled errors, output of native code; nothing of tasks', async () => {
  await using rc = await cluster.connect();
  await rc.view(0).apply(() => {
    console.log('within a task');
    setTimeout(() => console.log('LATE'), 20);
    setTimeout(() => {
      throw new Error('nobody handles this');
    }, 40);
  });
  await rc.view(1).apply(() => {
    setTimeout(() => console.error('of engine 1'), 20);
  });
  for (let i = 0; i < 200; i++) {
    if (/nobody handles/.test(await cluster.logs(0)) && /of engine 1/.test(await cluster.logs(1))) break;
    await new Promise((go) => setTimeout(go, 20));
  }
  const text = await cluster.logs(0);
  assert.match(text, /LATE\n[\s\S]*Error: nobody handles this\n/);
  assert.not.match(text, 'within a task');
  assert.not.match(text, 'unhandled: ');
  assert.equal(await run('logs', '-e', '0'), ok(text));
  const both = (await run('logs')).stdout;
  assert.match(both, '[engine 0] LATE\n');
  assert.match(both, '[engine 1] of engine 1\n');
  const json = JSON.parse((await run('logs', '--json')).stdout) as Record<string, string>;
  assert.is(json['0'], text);
  await rejects(async () => cluster.logs(7), Error, /engine 7 has no log: there are those of 0, 1/);
  const none = await run('logs', '-e', '7');
  assert.is(none.code, 1);
  assert.match(none.stderr, /no log of engine 7: 0, 1/);
});

test('logs -f goes on with what comes', async () => {
  const follower = program('logs', '-f', '-e', '1');
  await follower.says(/of engine 1\n/);
  await using rc = await cluster.connect();
  await rc.view(1).apply(() => {
    setTimeout(() => console.error('and later'), 20);
  });
  await follower.says(/and later\n/);
  follower.child.kill('SIGINT');
  const { stdout } = await follower.done;
  assert.is(stdout.split('of engine 1').length, 2, 'each part once');
});

test('px --json: per engine its output, value and error', async () => {
  const { code, stdout, stderr } = await run('px', '--json', 'console.log("hi"); if (engine.id) null.x; engine.id');
  assert.is(code, 1);
  assert.ok(stderr.startsWith(`${USES}directview: one or more exceptions`), stderr);
  const [zero, one] = JSON.parse(stdout) as [
    object,
    { engine: number; stdout: string; value: null; error: { ename: string } },
  ];
  assert.equal(zero, {
    engine: 0,
    status: 'ok',
    stdout: 'hi\n',
    stderr: '',
    outputs: [],
    value: { 'text/plain': '0' },
    error: null,
  });
  assert.equal([one.engine, one.stdout, one.value, one.error.ename], [1, 'hi\n', null, 'TypeError']);
});

test('px --timeout and run --timeout interrupt the engines and fail', async () => {
  const px = await run('px', '--timeout', '0.5', 'for (;;);');
  assert.is(px.code, 1);
  assert.match(px.stderr, /did not end within 0\.5 s: its engines were interrupted\n$/);
  const script = join(dir, 'endless.mjs');
  writeFileSync(script, 'await view.apply(() => { for (;;); });\n');
  const ran = await run('run', '--timeout', '0.5', script);
  assert.is(ran.code, 1);
  assert.match(ran.stderr, /the script did not end within 0\.5 s: its engines are interrupted\n/);
  await using rc = await cluster.connect();
  assert.equal(await rc.view(':').apply(() => 1), [1, 1]);
  writeFileSync(script, 'console.log(await rc[0].apply(() => 5));\n');
  assert.equal(await run('run', '--timeout', '20', script), { ...ok('5\n'), stderr: USES });
});

const WRONG: readonly [string[], RegExp][] = [
  [['px', '-t', 'foo', '1'], /'foo' is invalid.*engines: 0, -1/],
  [['px', '--group-outputs', 'engine', '1'], /--group-outputs needs --no-stream/],
  [['px', '--timeout', 'soon', '1'], /number of seconds/],
  [['run', '--timeout', '0', 'x.js'], /number of seconds/],
  [['interrupt', '-t', 'x'], /engines: 0, -1/],
  [['restart', 'a', '--cluster', 'a'], /give the cluster once/],
  [['status', 'a', '--cluster', 'a'], /give the cluster once/],
  [['scale', '2', 'a', '--cluster', 'a'], /give the cluster once/],
  [['scale', 'many'], /whole number/],
  [['scale'], /missing required argument 'engines'/],
  [['logs', '-e', 'x'], /whole number/],
  [['logs', '-f', '--json'], /cannot --follow/],
];

for (const [args, message] of WRONG) {
  test(`directview ${args.join(' ')}: exit 2 and what is wrong`, async () => {
    const { code, stderr, stdout } = await run(...args);
    assert.equal([code, stdout], [2, ''], stderr);
    assert.match(stderr, message);
  });
}

test('the state of the cluster is no matter of the command line: exit 1', async () => {
  for (const args of [
    ['px', '-t', '9', '1'],
    ['interrupt', '-t', '9'],
    ['restart', 'nope'],
    ['scale', '2', 'nope'],
    ['logs', '--cluster', 'nope'],
  ]) {
    assert.is((await run(...args)).code, 1, args.join(' '));
  }
});

test('start --json, stop --json, stop --all without clusters', async () => {
  const home = mkdtempSync(join(dir, 'home-'));
  const there = (...args: string[]) => new Program('src/cli/main.js', args, { DIRECTVIEW_HOME: home }).done;
  assert.equal(await there('stop', '--all'), ok('no cluster is running\n'));
  const started = await there('start', '-n', '1', '--device', 'cpu', '--json', '--daemonize');
  const { name, pid, file, engines } = JSON.parse(started.stdout) as {
    name: string;
    pid: number;
    file: string;
    engines: { id: number }[];
  };
  assert.equal([name, file, engines.map(({ id }) => id)], ['default', join(home, 'default.json'), [0]]);
  assert.is(isAlive(pid), true);
  assert.equal(await there('stop', '--cluster', 'default', '--json'), ok('["default"]\n'));
});

// The last one: what its loop prints from then on belongs to no task.
test('px whose output nobody reads any more: it ends, and so does its loop', async () => {
  const loop = 'for (;;) { console.log("x".repeat(1000)); await new Promise((r) => setTimeout(r, 5)); }';
  const [code, errors] = await unread(['px', loop, '--cluster', 'default']);
  assert.equal([code, errors], [141, USES]);
  await using rc = await cluster.connect();
  assert.equal(await rc.view(':').apply(() => 'alive'), ['alive', 'alive']);
});

test.run();
