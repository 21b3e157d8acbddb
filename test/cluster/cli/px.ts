// `directview px` as a real process: what it prints, on which engines, and how it ends.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { ClusterLab, Program, type Ran } from '../../fixtures/cluster-lab.ts';
import { untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cli/px');
const lab = new ClusterLab();
const px = (...args: string[]): Promise<Ran> => new Program('src/cli/main.js', ['px', ...args]).done;

let cluster: Cluster;
test.before(async () => {
  cluster = await Cluster.start({ engines: 2, device: 'cpu', name: 'default' });
});
test.after(async () => {
  await cluster.stop();
  lab.remove();
});

/** The line that names a cluster of another process: of this one. */
const USES = `directview: using cluster 'default' of process ${process.pid}\n`;

const blocks = (text: string) => text.split(/(?=\[std|Out)/).sort();

test('assignments print nothing; printing and values are shown per engine', async () => {
  assert.equal(await px('a = 5'), { code: 0, signal: null, stdout: '', stderr: USES });
  assert.equal(blocks((await px('console.log(a)')).stdout), ['[stdout:0] \n5\n', '[stdout:1] \n5\n']);
  const { stdout } = await px('a');
  assert.equal(
    blocks(stdout).map((line) => line.replace(/:\d+\]/, ':n]')),
    ['Out[0:n]: 5\n', 'Out[1:n]: 5\n'],
  );
});

test('targets: one without prefix, a slice, a list', async () => {
  assert.is((await px('-t', '1', 'console.log(engine.id)')).stdout, '1\n');
  assert.is((await px('-t', '1::2', 'console.log(engine.id)')).stdout, '[stdout:1] \n1\n');
  const { stdout } = await px('--targets', '1,0', '--no-stream', '-v', 'console.log(engine.id)');
  assert.is(stdout, 'Parallel execution on engine(s): [1, 0]\n[stdout:1] \n1\n[stdout:0] \n0\n');
});

test('an error: tracebacks, the count, exit 1; the output before it stays', async () => {
  const { code, stdout, stderr } = await px('console.log("x"); null.x');
  assert.is(code, 1);
  assert.equal(blocks(stdout), ['[stdout:0] \nx\n', '[stdout:1] \nx\n']);
  for (const id of [0, 1]) assert.match(stderr, `[${id}:execute]:\nTypeError: Cannot read properties of null`);
  assert.match(stderr, /directview: 2 errors\n$/);
});

test('what is wrong with the command line or the targets is said', async () => {
  assert.is((await px()).code, 2);
  assert.match((await px('1', '--group-outputs', 'x')).stderr, /Allowed choices are type, engine, order/);
  assert.match((await px('1', '--progress-after', 'soon')).stderr, /number of seconds/);
  assert.match((await px('1', '-t', '9')).stderr, /No such engine: 9/);
  assert.match((await px('1', '--cluster', 'nope')).stderr, /nope/);
});

test('code from stdin', async () => {
  const main = join(fileURLToPath(new URL('../../../', import.meta.url)), 'src/cli/main.js');
  const child = spawn(process.execPath, [main, 'px', '-t', '0', '-'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stdin.end('let n = 0\nfor (const i of [1, 2, 3]) {\n\n  n += i\n}\nconsole.log(n)\n');
  assert.is(await new Promise((resolve) => child.on('close', resolve)), 0);
  assert.is(out, '6\n');
});

test('Ctrl-C interrupts the engines and exits 130; the engines go on', async () => {
  const program = new Program('src/cli/main.js', ['px', 'for (;;);']);
  await using rc = await cluster.connect();
  await untilRunning(rc, [0, 1]);
  program.child.kill('SIGINT');
  const { code, stderr } = await program.done;
  assert.is(code, 130);
  assert.ok(stderr.startsWith(`${USES}Received Keyboard Interrupt. Sending signal SIGINT to engines...\n`), stderr);
  assert.match(stderr, 'TaskInterrupted');
  assert.equal(await rc.view(':').apply(() => 1), [1, 1]);
});

test('without a running cluster it starts its own engines, and says that their names are not kept', async () => {
  const env = { DIRECTVIEW_HOME: join(lab.root, 'empty') };
  const alone = (...args: string[]) => new Program('src/cli/main.js', ['px', ...args], env).done;
  const asked = await alone('-n', '1', '--device', 'cpu', '-t', '0', 'console.log(engine.id)');
  assert.equal([asked.code, asked.stdout, asked.stderr], [0, '0\n', '']);
  const silent = await alone('-t', '0', 'console.log(engine.id)');
  assert.equal([silent.code, silent.stdout], [0, '0\n']);
  assert.match(silent.stderr, /^directview: no cluster is running: [^\n]*\(directview start keeps some\)\n$/);
});

test.run();
