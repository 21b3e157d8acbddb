// Names of a session inside functions that it sends, in the REPL and in a kernel.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { ClusterLab } from '../../fixtures/cluster-lab.ts';
import { JupyterFrontEnd, outputsOf } from '../../support/jupyter-front-end.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cli/repl-names');
const lab = new ClusterLab();
const MAIN = join(fileURLToPath(new URL('../../../', import.meta.url)), 'src/cli/main.js');

/** On engines. */
declare const k: number;
declare const sum: (items: readonly number[]) => number;

let cluster: Cluster;
test.before(async () => {
  cluster = await Cluster.start({ engines: 2, device: 'cpu', name: 'default' });
});
test.after(async () => {
  await cluster.stop();
  assert.equal(lab.leftovers(), []);
  lab.remove();
});

/** The lines that a REPL prints for these. */
async function printed(...lines: string[]): Promise<string[]> {
  const child = spawn(process.execPath, [MAIN, 'repl'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stdin.end(lines.map((line) => `${line}\n`).join(''));
  assert.is(await new Promise((resolve) => child.on('close', resolve)), 0);
  const values = out.replace(/^(?:(?:px)?> |\.\.\. )+/gm, '').trimEnd();
  return values.split('\n').slice(1);
}

test('REPL: constants, helpers, recursion, classes, imports, in every kind of call; later values', async () => {
  const lines = await printed(
    'k = 3; helper = (x) => x + k',
    'await view.map((x) => helper(x) * k, [1, 2, 3])',
    'await rc.loadBalanced().map((x) => helper(x), [1, 2, 3], { chunkSize: 2 })',
    'await rc[0].apply(async (x) => helper(x), 1)',
    'const seen = []; for await (const x of rc.loadBalanced().imap((x) => helper(x), [1, 2])) seen.push(x)',
    'seen',
    'await view.remote((x) => helper(x))(5)',
    'await view.parallel((part) => part.map(helper))([1, 2])',
    'await rc.loadBalanced().depend(() => k === 3).apply(() => "there")',
    '%px -t 0 helper(4)',
    'k = 10',
    'await view.apply(helper, 1)',
    'function fac(n: number): number { return n < 2 ? 1 : n * fac(n - 1) }',
    'await rc[0].apply(() => fac(5))',
    'class A { a() { return k } }',
    'class B extends A { b() { return -this.a() } }',
    'await rc[0].apply(() => new B().b())',
    "import { basename } from 'node:path'",
    'const T = tensor([[1, 2]]), big = new Float64Array(1e6).fill(2)',
    "await rc[0].apply(() => [basename('/a/b'), T.shape.length, big.length * big[9], os.EOL, range(2).length])",
    'await rc[0].push({ pushed: (x) => helper(x) })',
    "(await rc[0].execute('pushed(1)', { silent: false })).text",
  );
  const out = lines.join('\n').replace(/:\d+\]/, ']');
  assert.is(
    out,
    [
      '[ 12, 15, 18 ]',
      '[ 4, 5, 6 ]',
      '4',
      '[ 4, 5 ]',
      '[ 8, 8 ]',
      '[ 4, 5 ]',
      "'there'",
      'Out[0]: 7',
      '[ 11, 11 ]',
      '120',
      '-10',
      "[ 'b', 2, 2000000, '\\n', 2 ]",
      "'11'",
    ].join('\n'),
  );
});

test('REPL: the names of an engine win, those of Node and the engine lose; clear() leaves them; off by %pxconfig', async () => {
  const lines = await printed(
    'k = 3; const sum = () => "mine"; const list = [1]',
    '%px k = 100',
    'await rc[0].apply(() => k)',
    'await rc[0].clear(); await rc[0].apply(() => [k, sum()])',
    "(await rc[0].pull('k').catch(({ ename }) => ename))",
    'await rc[0].apply(() => list.push(2)); list.length',
    'list.push(5, 6); await rc[0].apply(() => list)',
    '%pxconfig --no-names',
    'await rc[0].apply(() => k).catch(({ message }) => message)',
    'await rc[0].apply(() => [sum([1, 2]), typeof list2])',
    '%px -t 0 --names k',
    '%pxconfig --names',
    'await rc[0].apply(() => [k, sum()])',
    'const own = rc[0]; await own.apply(() => own.id).catch(({ message }) => message)',
    'await rc[0].apply(() => { k = 5 }).catch(({ message }) => message)',
  );
  assert.match(lines.shift()!, /^100$/);
  const [first, error, count, grown, off, ...rest] = lines;
  assert.equal([first, error, count, grown], ["[ 3, 'mine' ]", "'ReferenceError'", '1', '[ 1, 5, 6 ]']);
  assert.match(off!, /k is not defined on engine 0: names of this session do not travel now \(%pxconfig --names\)/);
  assert.match(rest.join('\n'), /^\[ 3, 'undefined' \]\nOut\[0:\d+\]: 3\n\[ 3, 'mine' \]\n/);
  assert.match(rest.join('\n'), /own is not defined on engine 0: .*DirectView cannot travel/);
  assert.match(rest.join('\n'), /write globalThis\.k = … to make one on the engine/);
});

test('two sessions: each finds its own values, and a script none', async () => {
  await printed('k = 1; const sum = () => 1; await view.apply(() => k + sum())');
  const [value] = await printed('k = 2; const sum = () => 2; await rc[0].apply(() => k + sum())');
  assert.is(value, '4');
  await using rc = await cluster.connect();
  await rc[0]
    .apply(() => k)
    .then(
      () => assert.unreachable(),
      (error) => assert.match((error as Error).message, /k is not defined on engine 0: functions travel as source/),
    );
  assert.is(await rc[0].apply(() => sum([1, 2])), 3);
});

test('an engine that was restarted gets them again; a kernel has them, too', async () => {
  const front = new JupyterFrontEnd(lab.root, ['--cluster', 'default']);
  const last = async (code: string) => outputsOf(await front.execute(code)).at(-1)?.[1];
  try {
    await front.ready();
    await front.execute('await view.clear()');
    await front.execute('const k = 3;\nconst helper = (x: number) => x + k;');
    assert.equal(await last('await view.map((x: number) => helper(x) * k, [1, 2])'), { 'text/plain': '[ 12, 15 ]' });
    await front.execute('await rc.restart(0)');
    assert.equal(await last('await view.apply(() => helper(k))'), { 'text/plain': '[ 6, 6 ]' });
    assert.match(String(await last('%px -t 1 helper(1)')), /^Out\[1:\d+\]: 4\n$/);
  } finally {
    await front.shutdown();
  }
});

test.run();
