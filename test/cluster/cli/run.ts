// `directview run` as a real process: scripts in TypeScript and JavaScript, with a found and with an own cluster.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { pidRuns } from '../../../src/cluster/files/process-identity.ts';
import { ClusterLab, Program, type Ran } from '../../fixtures/cluster-lab.ts';
import { untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('cli/run');
const lab = new ClusterLab();
// Outside of this package: nothing is found there but what `run` provides.
const dir = temporaryFolder('dvscript-');
test.after(() => {
  assert.equal(lab.leftovers(), []);
  lab.remove();
  rmSync(dir, { recursive: true });
});

function script(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

const OWN = ['-n', '1', '--device', 'cpu'];
const program = (...args: string[]) => new Program('src/cli/main.js', ['run', ...args]);
// The compiler is looked for in the current directory too, which is this package's.
const run = (...args: string[]): Promise<Ran> => program(...args).done;

test('TypeScript with a main: a client, the arguments, imports of its own and of directview', async () => {
  script('double.ts', 'export const double = (x: number): number => 2 * x;\n');
  const path = script(
    'main.ts',
    `import { Client } from 'directview';
     import { double } from './double.ts';
     interface Sum { total: number }
     export async function main(rc: Client, args: readonly string[]): Promise<void> {
       const sum: Sum = { total: double(4) };
       const pids: number[] = await rc[':'].apply(() => process.pid);
       console.log(JSON.stringify([rc instanceof Client, rc.ids, args, process.argv.slice(2), sum.total, pids.length]));
     }`,
  );
  const { code, stdout, stderr } = await run(...OWN, path, 'one', '--two', '-n', '3');
  assert.is(code, 0, stderr);
  const args = ['one', '--two', '-n', '3'];
  assert.equal(JSON.parse(stdout), [true, [0], args, args, 8, 1]);
});

test('JavaScript without a main finds rc and view; a default export is called', async () => {
  const plain = script('plain.mjs', 'console.log(rc.length, await view.apply(() => 6 * 7));\n');
  assert.is((await run(...OWN, plain)).stdout, '1 [ 42 ]\n');
  const named = script(
    'named.mjs',
    'export default async (rc, [word]) => console.log(word, await rc[0].apply(() => 1));\n',
  );
  assert.is((await run(...OWN, named, 'word')).stdout, 'word 1\n');
});

test('a script that fails: exit 1, its line or what the engine said, and no engine is left', async () => {
  const local = script(
    'local.mjs',
    'console.log((await view.apply(() => process.pid))[0]);\nthrow new Error("mine");\n',
  );
  const { code, stdout, stderr } = await run(...OWN, local);
  assert.is(code, 1);
  assert.match(stderr, /Error: mine\n\s+at .*local\.mjs:2/);
  assert.is(pidRuns(Number(stdout)), false);
  const remote = script('remote.mjs', 'await view.apply(() => { throw new RangeError("theirs"); });\n');
  const failed = await run(...OWN, remote);
  assert.is(failed.code, 1);
  assert.match(failed.stderr, /raised in: apply\n\[0:apply\]RangeError: theirs[\s\S]*\[0:apply\]:\nRangeError: theirs/);
});

test('what cannot run is said before a cluster is started', async () => {
  assert.match((await run(join(dir, 'nope.ts'))).stderr, /no such script/);
  assert.match((await run(script('x.py', ''))).stderr, /one of \.js, \.mjs, \.ts, \.mts/);
  assert.is((await run()).code, 2);
  const path = script('says.mjs', 'console.log("ran")');
  for (const [flags, message] of [
    [['--report', join(dir, 'no', 'r.html')], /--report .*r\.html cannot be written: ENOENT/],
    [['--report', join(path, 'r.html')], /--report .*r\.html cannot be written: .*says\.mjs is not a folder/],
    [['--profile', path], /--profile .*says\.mjs cannot be written: .*says\.mjs is not a folder/],
    [['--profile', join(path, 'deep')], /--profile .*deep cannot be written/],
  ] as const) {
    const { code, stdout, stderr } = await run(...OWN, ...flags, path);
    assert.equal([code, stdout], [1, '']);
    assert.match(stderr, message);
  }
});

const USES_SHARED = `directview: using cluster 'shared' of process ${process.pid}\n`;

test('a running cluster is reused, named on stderr, and goes on', async () => {
  const cluster = await Cluster.start({ engines: 2, device: 'cpu', name: 'shared' });
  try {
    const path = script('reuse.mjs', 'await view.push({ kept: rc.length });\n');
    for (const flags of [[], ['--cluster', 'shared']]) {
      const { code, stderr } = await run(...flags, path);
      assert.equal([code, stderr], [0, USES_SHARED]);
    }
    await using rc = await cluster.connect();
    assert.equal(await rc[':'].pull('kept'), [2, 2]);
  } finally {
    await cluster.stop();
  }
});

test('Ctrl-C with a cluster of its own: exit 130, and no engine is left', async () => {
  const path = script(
    'forever.mjs',
    'console.log(rc.engines[0].pid); await view.apply(() => new Promise(() => {}));\n',
  );
  const waiting = program(...OWN, path);
  const pid = Number((await waiting.says(/\d+\n/))[0]);
  waiting.child.kill('SIGINT');
  const { code, stderr } = await waiting.done;
  assert.is(code, 130);
  assert.is(stderr, 'Received Keyboard Interrupt. Sending signal SIGINT to engines...\n');
  assert.is(pidRuns(pid), false);
});

test('Ctrl-C interrupts the engines of a reused cluster and exits 130', async () => {
  const cluster = await Cluster.start({ engines: 2, device: 'cpu', name: 'shared' });
  try {
    const path = script('loop.mjs', 'const ar = view.execute("for (;;);"); console.log("sent"); await ar;\n');
    const looping = program(path);
    await using rc = await cluster.connect();
    await untilRunning(rc, [0, 1]);
    looping.child.kill('SIGINT');
    const { code, stderr } = await looping.done;
    assert.is(code, 130);
    assert.is(stderr, `${USES_SHARED}Received Keyboard Interrupt. Sending signal SIGINT to engines...\n`);
    assert.equal(await rc[':'].apply(() => 1), [1, 1]);
  } finally {
    await cluster.stop();
  }
});

test.run();
