// The standard streams of an engine: input is refused at once, and output arrives whatever a task has replaced.
import * as assert from 'uvu/assert';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('standard streams');
let rig: Rig;
test.before(async () => {
  rig = await startRig(1);
});
test.after(() => rig.stop());

const made = (body: string) => new Function(`return async () => { ${body} }`)() as () => Promise<unknown>;

/** Bodies of functions that read standard input. */
const READS = [
  "require('node:fs').readFileSync(0)",
  "require('node:fs').readFileSync(0, 'utf8')",
  "require('node:fs').readFileSync('/dev/stdin')",
  "require('node:fs').readFileSync('/dev/fd/0', 'utf8')",
  "require('node:fs').readFileSync('/proc/self/fd/0')",
  "require('node:fs').readFileSync(Buffer.from('/dev/stdin'))",
  "require('node:fs').readFileSync(new URL('file:///dev/stdin'))",
  "require('node:fs').readSync(0, Buffer.alloc(1))",
  "require('node:fs').readSync(process.stdin.fd, Buffer.alloc(1), 0, 1, null)",
  "require('node:fs').readvSync(0, [Buffer.alloc(1)])",
  "require('node:fs').openSync('/dev/stdin', 'r')",
  "require('node:fs').copyFileSync('/dev/stdin', '/dev/null')",
  "(await import('node:fs')).readFileSync(0)",
  "const { readSync } = await import('node:fs'); readSync(0, Buffer.alloc(1))",
  "await new Promise((go, no) => require('node:fs').read(0, Buffer.alloc(1), 0, 1, null, (e) => (e ? no(e) : go())))",
  "await new Promise((go, no) => require('node:fs').readFile('/dev/stdin', (e) => (e ? no(e) : go())))",
  "await require('node:util').promisify(require('node:fs').readFile)(0)",
  "await require('node:fs/promises').readFile('/dev/stdin')",
  "await (await import('node:fs/promises')).open('/dev/stdin')",
  "for await (const x of require('node:fs').createReadStream('/dev/stdin'));",
  "for await (const x of require('node:fs').createReadStream(null, { fd: 0 }));",
  'for await (const x of process.stdin);',
  "await require('node:stream/consumers').text(process.stdin)",
];

for (const body of READS) {
  test(`fails at once: ${body}`, async () => {
    const result = rig.e0.apply(made(body)).get({ timeout: 15_000 });
    await rejects(() => result, Error, /a task on an engine has no standard input: pass what it needs as an argument/);
    assert.is(await rig.e0.apply(() => 42), 42);
  });
}

test('a child that inherits our input reads none, and ends', async () => {
  const spawns = [
    "return String(require('node:child_process').execSync('cat', { stdio: ['inherit', 'pipe', 'inherit'] }))",
    "return String(require('node:child_process').spawnSync('cat', { stdio: 'inherit' }).stdout ?? '')",
    "return String(require('node:child_process').execFileSync('cat', { stdio: [0, 'pipe', 'pipe'] }))",
    "return new Promise((go) => require('node:child_process').spawn('cat', { stdio: 'inherit' }).on('close', () => go('')))",
    "return new Promise((go) => require('node:child_process').spawn('cat', { stdio: [process.stdin, 1, 2] }).on('close', () => go('')))",
  ];
  for (const body of spawns) assert.is(await rig.e0.apply(made(body)).get({ timeout: 15_000 }), '', body);
});

test('other files are read as ever', async () => {
  const read = made(
    "const fs = require('node:fs'); return [fs.readFileSync('/dev/null', 'utf8'), await fs.promises.readFile(new URL('file:///dev/null'), 'utf8')]",
  );
  assert.equal(await rig.e0.apply(read), ['', '']);
});

/** Ways to replace what prints. */
const REPLACES = [
  'console.log = () => {}',
  "console['log'] = () => {}",
  'const c = console; c.log = c.error = c.info = () => {}',
  'Object.assign(console, { log() {}, error() {} })',
  'delete console.log',
  "Object.defineProperty(console, 'log', { value: () => {}, configurable: true })",
  "Reflect.set(console, 'error', 5)",
  'process.stdout.write = () => true',
  'const { stdout, stderr } = process; stdout.write = stderr.write = () => true',
  'delete process.stdout.write',
  "Object.defineProperty(process, 'stdout', { value: { write() {} }, configurable: true })",
  "Object.defineProperty(process.stderr, 'write', { get: () => () => true, configurable: true })",
];

const prints = () => {
  console.log('by log');
  console.info('by info');
  console.error('by error');
  process.stdout.write('by write\n');
  process.stderr.write('by stderr\n');
};

async function assertPrints(): Promise<void> {
  const result = rig.e0.apply(prints);
  await result;
  assert.is(String(result.stdout), 'by log\nby info\nby write\n');
  assert.is(String(result.stderr), 'by error\nby stderr\n');
}

for (const body of REPLACES) {
  test(`later output arrives after ${body}`, async () => {
    for (const source of [body, `await null; ${body}`]) {
      await rig.e0.apply(made(source));
      await assertPrints();
      await rig.e0.execute(source);
      await assertPrints();
    }
    await rejects(() => rig.e0.apply(made(`${body}; throw new Error('after it')`)).get(), Error, /after it/);
    await assertPrints();
  });
}

test('a task that replaces what prints is told so', async () => {
  const result = rig.e0.apply(made('process.stdout.write = () => true; console.log = () => {}'));
  await result;
  assert.match(String(result.stderr), /console\.log, process\.stdout\.write is what it was again/);
});

test('a console of the user stays until clear, and output by the streams arrives', async () => {
  await rig.e0.apply(made('console = { log() {} }'));
  const result = rig.e0.apply(made("console.log('lost'); process.stdout.write('kept')"));
  await result;
  assert.is(String(result.stdout), 'kept');
  await rig.rc.clear();
  await assertPrints();
});

test.run();
