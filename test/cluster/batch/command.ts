// `directview batch` and `corners` as processes: signals, lists, terminals, and what is left when they are killed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { draftBeside } from '../../../src/util/atomic-write.ts';
import { ClusterLab, Program, until } from '../../fixtures/cluster-lab.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { Terminal, terminalMaker } from '../../support/terminal.ts';

const test = suite('batch: the command');
const lab = new ClusterLab();
const root = temporaryFolder('dvcommand-');
const MAIN = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const N = 40;
const input = join(root, 'in');
const slow = join(root, 'slow.mjs');
test.before(async () => {
  const picture = await sharp({ create: { width: 9, height: 7, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  mkdirSync(input);
  for (let i = 0; i < N; i++) writeFileSync(join(input, `${String(i).padStart(2, '0')}.png`), picture);
  writeFileSync(join(input, '07.png'), 'no picture');
  const wait = 'await new Promise((resolve) => setTimeout(resolve, params.ms));';
  writeFileSync(
    slow,
    `export const params = { ms: 50 };
    export async function operation(picture, { params }) { ${wait} return { record: { ok: 1 } }; }`,
  );
});
test.after(() => {
  lab.remove();
  rmSync(root, { recursive: true, force: true });
});

const engines = ['-n', '2', '--device', 'cpu'];
const batch = (...args: string[]) => new Program('src/cli/main.js', ['batch', slow, ...args, ...engines]);
const linesOf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []);
const imagesOf = (path: string) => linesOf(path).map((line) => (JSON.parse(line) as { image: string }).image);

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal}: the summary, the failures and how to go on; nothing is lost, nothing done twice`, async () => {
    const json = join(root, `${signal}.jsonl`);
    const program = batch(input, '--json', json);
    await until('twelve lines', () => linesOf(json).length >= 12);
    program.child.kill(signal);
    const { code: ended, stderr } = await program.done;
    assert.is(ended, code, stderr);
    assert.match(stderr, new RegExp(`^\\d+/${N} pictures .*, 1 failed$`, 'm'));
    assert.match(stderr, /^failed: .*07\.png: .*07\.png is no picture/m);
    assert.match(
      stderr,
      new RegExp(
        `stopped: ${signal} came\\. \\d+ pictures are not done; resume with: directview batch .* --skip-existing$`,
        'm',
      ),
    );
    const before = readFileSync(json, 'utf8');
    const again = await batch(input, '--json', json, '--skip-existing').done;
    assert.is(again.code, 1, '07.png failed, and is left');
    assert.ok(readFileSync(json, 'utf8').startsWith(before), 'results are only added');
    assert.equal(
      imagesOf(json).sort(),
      Array.from({ length: N }, (_, i) => join(input, `${String(i).padStart(2, '0')}.png`)),
    );
    assert.equal(lab.leftovers(), []);
  });
}

test('killed outright at any moment, and resumed: one record per picture', async () => {
  const [json, csv, out] = [join(root, 'kill.jsonl'), join(root, 'kill.csv'), join(root, 'kill')];
  const args = ['corners', input, '--json', json, '--csv', csv, '--out', out, ...engines, '--skip-existing'];
  for (const wanted of [3, 15, 28]) {
    const program = new Program('src/cli/main.js', args);
    await until(`${wanted} lines`, () => linesOf(json).length >= wanted);
    program.child.kill('SIGKILL');
    await program.done;
  }
  writeFileSync(json, readFileSync(json).subarray(0, -20)); // a line that was half written
  await new Program('src/cli/main.js', args).done;
  assert.is(imagesOf(json).length, N);
  assert.is(new Set(imagesOf(json)).size, N);
  const rows = linesOf(csv).slice(1);
  assert.is(rows.length, N, 'one row for each picture, which has no corners');
  assert.is(new Set(rows).size, N);
});

test('a draft that a killed engine left is removed by the next run; those of others stay', async () => {
  const out = join(root, 'drafts');
  mkdirSync(out);
  const args = ['corners', input, '--out', out, ...engines, '--skip-existing'];
  const drafts = () => readdirSync(out).filter((name) => name.endsWith('.draft'));
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  const mine = draftBeside(join(out, 'x.png'));
  writeFileSync(mine, 'half');
  writeFileSync(mine.replace(`-${process.pid}-`, `-${dead}-`), 'half');
  writeFileSync(join(out, '.of-somebody.draft'), 'whole');
  await new Program('src/cli/main.js', args).done;
  assert.equal(drafts().sort(), [basename(mine), '.of-somebody.draft'].sort());
});

test('lists: - and --files-from, with lines and with zero bytes, any bytes in names', async () => {
  const odd = Buffer.concat([Buffer.from(`${input}/caf`), Buffer.from([0xe9]), Buffer.from('.png')]);
  writeFileSync(odd, readFileSync(join(input, '00.png')));
  const list = join(root, 'list');
  writeFileSync(list, Buffer.concat([Buffer.from(`${join(input, '01.png')}\0`), odd, Buffer.from([0])]));
  const zero = await batch('--files-from', list, '-0', '--json', '-').done;
  assert.equal([zero.code, zero.stdout.trim().split('\n').length], [0, 2], zero.stderr);
  const record = JSON.parse(zero.stdout.trim().split('\n')[1] as string) as { image: string };
  assert.is(record.image, `${input}/caf\udce9.png`);
  rmSync(odd);
  writeFileSync(list, `${join(input, '02.png')}\r\n\n${join(input, '03.png')}`);
  const lines = await batch('--files-from', list).done;
  assert.is(lines.stdout, `${join(input, '02.png')}: 7×9, ok 1\n${join(input, '03.png')}: 7×9, ok 1\n`);
});

test('an operation that is not there, parameters without a name: refused before engines start', async () => {
  const none = await new Program('src/cli/main.js', ['batch', join(root, 'none.ts'), input]).done;
  assert.equal(
    [none.code, none.stderr],
    [1, `directview: there is no operation ${join(root, 'none.ts')}: name a module that exports one, or 'corners'\n`],
  );
  assert.is((await batch(input, '--param', '=3').done).code, 2);
});

test('head has seen enough: the batch ends without a word', async () => {
  const program = batch(input);
  program.child.stdout!.once('data', () => program.child.stdout!.destroy());
  const { code, stderr } = await program.done;
  assert.equal([code, stderr], [141, '']);
});

const wrap = terminalMaker();
if (wrap === undefined) test.skip('a terminal', 'neither python3 nor script makes one here');
else {
  test('on a terminal the bar shows rate and time left, and never shares a line with a result', async () => {
    const terminal = new Terminal(wrap, [process.execPath, MAIN, 'batch', slow, input, ...engines]);
    await terminal.ended;
    assert.match(terminal.shown, /█░+ \d+\/40 \[.*pictures\/s\].*, \d\d:\d\d left/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence that wipes the line
    const results = [...terminal.raw.matchAll(/(?:^|\n|\r\x1b\[K)\S+\.png: 7×9, ok 1\r?\n/g)];
    assert.is(results.length, N - 1, terminal.raw);
  });
}

test.run();
