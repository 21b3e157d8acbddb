// `directview top`, `directview dashboard` and `directview run --report` and `--profile`, as a user calls them.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { ClusterLab, Program } from '../../fixtures/cluster-lab.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('cli/watch');
const lab = new ClusterLab();
const dir = temporaryFolder('dvwatch-');
const program = (...args: string[]) => new Program('src/cli/main.js', args);

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

test('top, where its output is no terminal: one look, as text and as JSON', async () => {
  await using rc = await cluster.connect();
  await rc
    .view(':')
    .with({ label: 'counted' })
    .apply(() => 1);
  const { code, stdout, stderr } = await program('top').done;
  assert.equal([code, stderr], [0, '']);
  assert.match(stdout, /^default: 2 engines, 0 running, 0 waiting/);
  assert.match(stdout, /\n +1 {2}cpu +idle/);
  assert.match(stdout, /counted +0 +2 +0/);
  const { snapshot } = JSON.parse((await program('top', '--cluster', 'default', '--json').done).stdout);
  assert.equal(
    snapshot.engines.map(({ id, state }: { id: number; state: string }) => [id, state]),
    [
      [0, 'up'],
      [1, 'up'],
    ],
  );
  const missing = await program('top', 'nobody').done;
  assert.is(missing.code, 1);
});

test('dashboard prints its address, serves it, and ends by Ctrl-C', async () => {
  const running = program('dashboard');
  const [, url = ''] = await running.says(/dashboard of cluster 'default': (\S+)\n/);
  assert.is((await fetch(url)).status, 200);
  assert.is((await fetch(new URL('/', url))).status, 403);
  running.child.kill('SIGINT');
  const { code, stderr } = await running.done;
  assert.equal([code, stderr], [0, '']);
  assert.is((await program('dashboard', '--port', '99999').done).code, 2);
});

const DATA = /<script type="application\/json" id="data">(.*)<\/script>/;

test('run --report writes a page about the run alone, also when it fails', async () => {
  const script = join(dir, 'sweep.mjs');
  writeFileSync(
    script,
    `export async function main(rc, [n]) {
       await rc.loadBalanced().with({ label: 'sweep' }).map((x) => x, Array.from({ length: Number(n) }, (_, i) => i));
       await rc[0].with({ label: 'broken' }).apply(() => { throw new TypeError('</script>'); });
     }`,
  );
  for (const n of [5, 7]) {
    const file = join(dir, `${n}.html`);
    const { code, stderr } = await program('run', '--cluster', 'default', '--report', file, script, String(n)).done;
    assert.is(code, 1);
    assert.match(stderr, /TypeError/);
    const data = JSON.parse(DATA.exec(readFileSync(file, 'utf8'))?.[1] as string);
    assert.is(data.title, `sweep.mjs ${n}`);
    const of = (label: string) => data.labels.find((sums: { label: string }) => sums.label === label);
    assert.equal([of('sweep').done, of('broken').failed, of('counted')], [n, 1, undefined]);
    assert.is(data.tasks.length, n + 1);
    assert.equal(
      data.failures.map(({ message }: { message: string }) => message),
      ['</script>'],
    );
  }
});

for (const [how, end, code, also] of [
  ['process.exit', 'process.exit(3)', 3, {}],
  [
    'an uncaught error in a timer',
    'setTimeout(() => { throw new Error("late one"); }); await new Promise(() => {})',
    1,
    { stderr: /late one/ },
  ],
  [
    'a rejection that nobody handles',
    'void Promise.reject(new Error("lost one")); await new Promise(() => {})',
    1,
    { stderr: /lost one/ },
  ],
  ['Ctrl-C', 'console.log("ready"); await rc[0].apply(() => { for (;;); })', 130, { kill: true, stderr: /Interrupt/ }],
] as const) {
  test(`run --report and --profile write their files after ${how}`, async () => {
    const script = join(dir, 'ends.mjs');
    const file = join(dir, `${code}-${how.length}.html`);
    const folder = join(dir, `profiles-${how.length}`);
    writeFileSync(
      script,
      `export async function main(rc) {
         await rc.view(':').with({ label: 'ended' }).apply(function busy${how.length}() { const t = process.cpuUsage().user; while (process.cpuUsage().user < t + 60_000); });
         ${end}
       }`,
    );
    const running = program('run', '--cluster', 'default', '--report', file, '--profile', folder, script);
    if ('kill' in also) {
      await running.says(/ready/);
      running.child.kill('SIGINT');
    }
    const done = await running.done;
    assert.is(done.code, code, done.stderr);
    if ('stderr' in also) assert.match(done.stderr, also.stderr);
    const data = JSON.parse(DATA.exec(readFileSync(file, 'utf8'))?.[1] as string);
    const engines = data.engines.length as number;
    assert.ok(engines > 0);
    assert.is(data.labels.find(({ label }: { label: string }) => label === 'ended').done, engines);
    assert.is(data.tasks.filter(({ l, s }: { l: string; s: string }) => l === 'ended' && s === 'ok').length, engines);
    // process.exit leaves no time to ask the engines for their profiles.
    assert.is(existsSync(folder), how !== 'process.exit');
    if (how === 'process.exit') return;
    assert.is(readdirSync(folder).length, engines + 1);
    assert.match(
      readFileSync(join(folder, 'engine-0.cpuprofile'), 'utf8'),
      new RegExp(`"functionName":"busy${how.length}"`),
    );
  });
}

test.run();
