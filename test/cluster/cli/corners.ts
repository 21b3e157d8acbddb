// `directview corners` as a process over real engines: its outputs, bad pictures, bad command lines, and going on.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import * as assert from 'uvu/assert';
import { ClusterLab, Program, type Ran } from '../../fixtures/cluster-lab.ts';
import { type Golden, golden } from '../../support/golden-corners.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('cli corners');
const lab = new ClusterLab();
const root = temporaryFolder('dvcorners-');
test.after(() => {
  lab.remove();
  rmSync(root, { recursive: true, force: true });
});

const coins = golden('coins');
const page = golden('page');
let folders = 0;
const folder = () => {
  const path = join(root, String(folders++));
  mkdirSync(path);
  return path;
};
const run = (...args: string[]): Promise<Ran> => new Program('src/cli/main.js', ['corners', ...args]).done;
const onCpu = ['--device', 'wasm', '--engines', '2'];

interface Line {
  readonly image: string;
  readonly shape: number[];
  readonly corners: [number, number][];
  readonly subpix?: ([number, number] | null)[];
  readonly ms: number;
}
const lines = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

/** Red where the golden corners are. */
async function assertMarked(path: string, { corners, shape }: Golden): Promise<void> {
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  assert.equal([info.height, info.width, info.channels], [...shape, 3]);
  for (const [r, c] of corners) {
    const at = 3 * (r * info.width + c);
    assert.equal([...data.subarray(at, at + 3)], [255, 0, 0], `${path} at ${r}, ${c}`);
  }
}

test('every output at once: JSON on stdout alone, drawings, CSV, sheet; exit 0 and nothing left', async () => {
  const out = folder();
  const files = [
    '--json',
    '-',
    '--csv',
    join(out, 'c.csv'),
    '--sheet',
    join(out, 'sheet.png'),
    '--out',
    join(out, 'marked'),
  ];
  const { code, stdout, stderr } = await run(coins.path, page.path, ...files, '--subpix', ...onCpu);
  assert.is(code, 0, stderr);
  assert.match(stderr, /^2\/2 pictures \[[\d.]+ s, [\d.]+ pictures\/s\]\n$/);
  const found = lines(stdout);
  assert.is(found.length, 2);
  for (const wanted of [coins, page]) {
    const line = found.find(({ image }) => image === wanted.path) as Line;
    assert.equal([line.shape, line.corners], [wanted.shape, wanted.corners]);
    assert.is(line.subpix?.length, line.corners.length);
    assert.equal(
      line.subpix?.map((p) => p === null),
      wanted.subpix.map((p) => p === null),
    );
    assert.ok(line.ms > 0);
    await assertMarked(join(out, 'marked', `${wanted.name}.png`), wanted);
  }
  const rows = readFileSync(join(out, 'c.csv'), 'utf8').trim().split('\n');
  assert.is(rows[0], 'image,row,col,subpix_row,subpix_col,response,corners,error,path');
  assert.is(rows.length, 1 + coins.corners.length + page.corners.length);
  assert.ok(rows.some((row) => row.startsWith(`${coins.path},142,55,141.62`)));
  assert.equal((await sharp(join(out, 'sheet.png')).metadata()).format, 'png');
  assert.equal(lab.leftovers(), []);
});

test('without outputs: a line for each picture', async () => {
  const { code, stdout } = await run(coins.path, ...onCpu, '--min-distance', '1000');
  assert.equal([code, stdout], [0, `${coins.path}: 303×384, 0 corners\n`]);
});

test('options reach the engines', async () => {
  const { stdout } = await run(
    coins.path,
    ...onCpu,
    '--json',
    '-',
    '--resize',
    '128',
    '--method',
    'shi-tomasi',
    '--min-distance',
    '0',
  );
  const [line] = lines(stdout);
  assert.equal(line?.shape, [101, 128]);
  assert.ok((line as Line).corners.length > 26);
});

/** Pictures that no engine can read. */
async function badPictures(dir: string): Promise<string[]> {
  const jpeg = await sharp(coins.path).jpeg().toBuffer();
  const bad: Record<string, Uint8Array> = {
    'empty.png': new Uint8Array(),
    'text.png': Buffer.from('no picture at all'),
    'cut.jpg': jpeg.subarray(0, jpeg.length / 2),
    'cut.png': readFileSync(coins.path).subarray(0, 5000),
    'huge.png': hugePng(),
  };
  for (const [name, bytes] of Object.entries(bad)) writeFileSync(join(dir, name), bytes);
  return Object.keys(bad);
}

/** A header that promises 20 000 × 20 000 pixels. */
function hugePng(): Uint8Array {
  const bytes = Buffer.from(readFileSync(golden('chessboard_GRAY').path));
  bytes.writeUInt32BE(20_000, 16);
  bytes.writeUInt32BE(20_000, 20);
  return bytes;
}

test('bad pictures are listed at the end, the others are done: exit 1', async () => {
  const dir = folder();
  const bad = await badPictures(dir);
  const plain = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: '#888' } });
  await plain(1, 1).png().toFile(join(dir, 'dot.png'));
  await plain(2000, 3).png().toFile(join(dir, 'strip.png'));
  await plain(40, 40).toColourspace('cmyk').jpeg().toFile(join(dir, 'ink.jpg'));
  const { code, stdout, stderr } = await run(dir, join(root, 'nowhere.png'), '--json', '-', ...onCpu);
  assert.is(code, 1);
  assert.equal(
    lines(stdout)
      .map(({ image, corners }) => [image, corners])
      .sort(),
    ['dot.png', 'ink.jpg', 'strip.png'].map((name) => [join(dir, name), []]),
  );
  for (const name of bad) assert.match(stderr, new RegExp(`^failed: .*${name}: .*${name}.*$`, 'm'));
  assert.match(stderr, /^failed: .*nowhere\.png: there is no file or folder/m);
  assert.match(stderr, /^3\/8 pictures .*, 5 failed$/m);
});

test('pictures of one name in two folders do not overwrite each other', async () => {
  const dir = folder();
  for (const [name, from] of [
    ['a', coins],
    ['b', page],
  ] as const) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'x.png'), readFileSync(from.path));
    await sharp(from.path)
      .jpeg()
      .toFile(join(dir, name, 'x.jpg'));
  }
  const out = join(dir, 'out');
  assert.is(
    (await run(join(dir, 'a'), join(dir, 'b', 'x.png'), join(dir, 'b', 'x.jpg'), '--root', dir, '--out', out, ...onCpu))
      .code,
    0,
  );
  const drawn = readdirSync(out, { recursive: true }).map(String).sort();
  assert.equal(drawn, ['a', 'a/x.jpg.png', 'a/x.png', 'b', 'b/x.jpg.png', 'b/x.png']);
  await assertMarked(join(out, 'a/x.png'), coins);
  await assertMarked(join(out, 'b/x.png'), page);
  // Its drawings are in the searched folder now; the next run must not take them for pictures.
  const again = await run(dir, '--out', out, ...onCpu, '--skip-existing');
  assert.equal([again.code, again.stderr.split('\n')[0]], [0, '4 pictures are there already']);
});

test('--skip-existing goes on: what is there stays, what is not there or was cut off is done', async () => {
  const dir = folder();
  const [json, csv] = [join(dir, 'r.json'), join(dir, 'r.csv')];
  const args = [coins.path, page.path, '--json', json, '--csv', csv, ...onCpu];
  assert.is((await run(...args)).code, 0);
  const all = readFileSync(json, 'utf8');
  const whole = all.split('\n').find((line) => line.includes('coins')) as string;
  const cut = all.split('\n').find((line) => line.includes('page')) as string;
  writeFileSync(json, `${whole}\n${cut.slice(0, 50)}`);
  const { code, stderr } = await run(...args, '--skip-existing');
  assert.is(code, 0, stderr);
  assert.match(stderr, /^1 pictures are there already\n1\/1 pictures/);
  const found = lines(readFileSync(json, 'utf8'));
  assert.equal(
    found.map(({ image }) => image),
    [coins.path, page.path],
  );
  assert.is(JSON.stringify(found[0]), whole, 'what was there is not touched');
  const rows = readFileSync(csv, 'utf8').trim().split('\n');
  assert.is(rows.length, 1 + coins.corners.length + page.corners.length, 'no row twice');
  const none = await run(...args, '--skip-existing');
  assert.match(none.stderr, /^2 pictures are there already\n0\/0 pictures/);
  assert.is(readFileSync(json, 'utf8').trim().split('\n').length, 2);
});

const WRONG: readonly [string[], RegExp][] = [
  [[], /missing required argument 'pictures'/],
  [['x.png', '--bogus'], /unknown option '--bogus'/],
  [['x.png', '--min-distance', '-1'], /whole number of at least 0/],
  [['x.png', '--min-distance', '1.5'], /whole number of at least 0/],
  [['x.png', '--threshold-rel', 'much'], /a number ≥ 0/],
  [['x.png', '--sigma', '-1'], /from 0 to 1000/],
  [['x.png', '--sigma', '1e9'], /from 0 to 1000/],
  [['x.png', '--method', 'canny'], /Allowed choices are k, eps, shi-tomasi/],
  [['x.png', '--resize', '0'], /whole number of at least 1/],
  [['x.png', '--engines', '0'], /whole number of at least 1/],
  [['x.png', '--device', 'abacus'], /Allowed choices are auto, webgpu/],
  [['x.png', '--cluster', 'a', '--software-gpu'], /not with --software-gpu/],
  [['x.png', '--json', '-', '--csv', '-'], /only one of them/],
  [['x.png', '--skip-existing'], /needs --out or --json FILE/],
];
for (const [args, message] of WRONG) {
  test(`directview corners ${args.join(' ')}: exit 2 and what is wrong`, async () => {
    const { code, stderr, stdout } = await run(...args);
    assert.equal([code, stdout], [2, ''], stderr);
    assert.match(stderr, message);
  });
}

test('outputs that cannot be written: an error before any engine is started', async () => {
  const dir = folder();
  writeFileSync(join(dir, 'file'), '');
  for (const [flag, path] of [
    ['--out', join(dir, 'file', 'out')],
    ['--json', join(dir, 'none', 'r.json')],
    ['--csv', dir],
    ['--sheet', join(dir, 'none', 's.png')],
  ] as const) {
    const { code, stderr, stdout } = await run(coins.path, flag, path, '--device', 'webgpu');
    assert.equal([code, stdout], [1, ''], stderr);
    assert.match(stderr, /^directview: cannot write (to )?.*\n$/);
  }
  const original = join(dir, 'coins.png');
  writeFileSync(original, readFileSync(coins.path));
  const { code, stderr } = await run(original, '--out', dir, ...onCpu);
  assert.equal([code, /would overwrite/.test(stderr)], [1, true], stderr);
  assert.equal(readFileSync(original), readFileSync(coins.path));
});

test('a folder without pictures, a device that cannot be had: exit 1', async () => {
  const empty = await run(folder(), ...onCpu);
  assert.is(empty.code, 1);
  assert.match(empty.stderr, /has no pictures/);
  const { code, stderr } = await run(coins.path, '--device', 'headlessgl');
  assert.is(code, 1);
  assert.match(stderr, /headlessgl/);
  assert.equal(lab.leftovers(), []);
});

test('a running cluster is used and left as it was', async () => {
  const owner = new Program('src/cli/main.js', ['start', '-n', '1', '--device', 'wasm', '--name', 'own']);
  await owner.says(/is running/);
  const { code, stdout } = await run(coins.path, '--cluster', 'own', '--json', '-');
  assert.is(code, 0);
  assert.equal(lines(stdout)[0]?.corners, coins.corners);
  assert.is(owner.child.exitCode, null);
  owner.child.kill('SIGINT');
  await owner.done;
  const gone = await run(coins.path, '--cluster', 'own');
  assert.is(gone.code, 1);
  assert.match(gone.stderr, /own/);
});

test('Ctrl-C ends it: exit 130, no engine and no half-written file', async () => {
  const dir = folder();
  const bytes = readFileSync(coins.path);
  for (let i = 0; i < 200; i++) writeFileSync(join(dir, `${i}.png`), bytes);
  const program = new Program('src/cli/main.js', ['corners', dir, '--out', join(dir, 'out'), '--json', '-', ...onCpu]);
  await program.says(/"image"/);
  program.child.kill('SIGINT');
  assert.is((await program.done).code, 130);
  assert.equal(lab.leftovers(), []);
  assert.ok(existsSync(join(dir, 'out')));
  for (const name of readdirSync(join(dir, 'out'))) {
    if (!name.startsWith('.')) assert.is((await sharp(join(dir, 'out', name)).metadata()).width, 384, name);
  }
});

test.run();
