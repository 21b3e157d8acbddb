// `directview pdot` as a real process: text, JSON, strictness, a running cluster, and nothing left behind.
import * as assert from 'uvu/assert';
import { ClusterLab, Program, type Ran } from '../../fixtures/cluster-lab.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cli/pdot');
const lab = new ClusterLab();
test.after(() => lab.remove());

const run = (...args: string[]): Promise<Ran> => new Program('src/cli/main.js', ['pdot', ...args]).done;
const SMALL = ['--m', '33', '--k', '25', '--n', '12', '--check'];

for (const plan of ['auto', 'rows', 'grid', 'ring', 'summa']) {
  for (const dtype of ['float32', 'int32']) {
    test(`${dtype} by ${plan} on the cpu`, async () => {
      const { code, stdout, stderr } = await run(
        ...SMALL,
        '--engines',
        '3',
        '--device',
        'cpu',
        '--plan',
        plan,
        '--dtype',
        dtype,
      );
      assert.is(code, 0, stderr);
      assert.match(stdout, new RegExp(`^product +${dtype} \\[33×25\\] · \\[25×12\\]\nengines +3 on cpu`));
      assert.match(
        stdout,
        plan === 'auto'
          ? /plan +(rows|grid): /
          : new RegExp(`plan +${plan}: \\d × \\d panels, \\d engines busy, \\d+ bytes moved`),
      );
      assert.match(stdout, /speed +[\d.e+-]+ GFLOP\/s end to end/);
      assert.match(stdout, dtype === 'int32' ? /check +exact\n$/ : /check +ok: max error .* of the bound\n$/);
    });
  }
}

test('as JSON; the seed makes the matrices', async () => {
  const errors = [];
  for (const [seed, dtype] of [
    ['1', 'float16'],
    ['1', 'float16'],
    ['2', 'float16'],
    ['2', 'bfloat16'],
  ] as const) {
    const { code, stdout } = await run(
      ...SMALL,
      '--engines',
      '1',
      '--device',
      'cpu',
      '--json',
      '--seed',
      seed,
      '--dtype',
      dtype,
    );
    assert.is(code, 0);
    const { plan, bytes, gflops, check, engines, m } = JSON.parse(stdout);
    assert.equal([plan, engines, m, check.ok], ['rows', 1, 33, true]);
    assert.ok(bytes > 0 && gflops >= 0);
    errors.push(check.maxError);
  }
  assert.is(errors[0], errors[1]);
  assert.is.not(errors[0], errors[2]);
  // It has three bits less.
  assert.ok(errors[3] > errors[2]);
});

const WRONG: readonly [string[], RegExp][] = [
  [['--plan', 'spiral'], /Allowed choices are auto, rows, grid, ring/],
  [['--dtype', 'bool'], /Allowed choices are float32, float64, int32, float16/],
  [['--m', '-1'], /whole number of at least 0/],
  [['--engines', '0'], /whole number of at least 1/],
  [['--bogus'], /unknown option '--bogus'/],
  [['--m', '100000', '--k', '100000', '--n', '100000'], /A \[100000×100000\] takes 74\.5 GiB.*smaller --m/],
  [['--m', '100000', '--k', '1', '--n', '100000'], /C \[100000×100000\] takes 37\.3 GiB/],
  [['extra'], /too many arguments/],
  [['--cluster', 'x', '--engines', '2'], /--cluster takes engines as they are: not with --engines/],
  [['--cluster', 'x', '--software-gpu'], /not with --software-gpu/],
];

for (const [args, message] of WRONG) {
  test(`pdot ${args.join(' ')}: exit 2`, async () => {
    const { code, stderr, stdout } = await run(...args);
    assert.is(code, 2, stderr);
    assert.match(stderr, message);
    assert.is(stdout, '');
  });
}

for (const plan of ['auto', 'ring']) {
  test(`products that stay on the devices are timed apart, by ${plan}`, async () => {
    const { code, stdout, stderr } = await run(
      ...SMALL,
      '--engines',
      '2',
      '--device',
      'cpu',
      '--resident',
      '--plan',
      plan,
    );
    assert.is(code, 0, stderr);
    assert.match(stdout, /\nby +reference\n/);
    assert.match(stdout, /\nspeed .* end to end, .*\nresident +[\d.e+-]+ GFLOP\/s on the devices, [\d.]+ ms\ncheck/);
  });
}

test('an impossible cluster fails with exit 1', async () => {
  const { code, stderr } = await run('--cluster', 'nemo');
  assert.is(code, 1);
  assert.match(stderr, /^directview: no cluster file/);
});

test('on a running cluster, which stays clean', async () => {
  const owner = new Program('src/cli/main.js', ['start', '-n', '2', '--device', 'cpu', '--name', 'busy']);
  await owner.says(/is running/);
  const { code, stdout, stderr } = await run(...SMALL, '--cluster', 'busy', '--plan', 'ring');
  assert.is(code, 0, stderr);
  assert.match(stdout, /engines +2 on cpu/);
  owner.child.kill('SIGINT');
  await owner.done;
  assert.equal(lab.leftovers(), []);
});

test.run();
