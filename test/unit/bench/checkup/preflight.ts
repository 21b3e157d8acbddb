// Where the check-up of a card looks for drivers, and what it gives each part of its time.
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { Budget } from '../../../../bench/checkup/budget.ts';
import { attemptsOf, lackingLibraries, systemLibraries } from '../../../../bench/checkup/environment.ts';
import { entriesFault, operand, tf32Fault } from '../../../../bench/checkup/measure/entries.ts';
import { readCards } from '../../../../bench/checkup/nvidia-smi.ts';
import { loaderWords, nodesOf } from '../../../../bench/checkup/preflight.ts';
import { seedText, summarize } from '../../../../bench/checkup/summary.ts';
import { findDriverFiles } from '../../../../bench/checkup/vulkan-files.ts';
import { referenceMatmul } from '../../../../kernels/matmul/reference.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('bench/checkup: preflight');
const root = temporaryFolder('dv-preflight-test-');
test.after(() => rmSync(root, { recursive: true }));

let made = 0;

/** A file system with these files. */
function withFiles(...files: string[]): string {
  const top = join(root, String(made++));
  for (const file of files) {
    mkdirSync(join(top, dirname(file)), { recursive: true });
    writeFileSync(join(top, file), '');
  }
  mkdirSync(top, { recursive: true });
  return top;
}

test('driver files are found where containers mount them, and others are not taken for them', () => {
  const top = withFiles(
    'usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json',
    'usr/local/nvidia/share/glvnd/egl_vendor.d/10_nvidia.json',
    'usr/local/nvidia/lib64/libEGL_nvidia.so.0',
    'usr/local/nvidia/lib64/libGLX_nvidia.so.0',
    'usr/share/vulkan/icd.d/lvp_icd.x86_64.json',
    'etc/vulkan/icd.d/nvidia_icd.x86_64.json',
    'usr/share/glvnd/egl_vendor.d/50_mesa.json',
  );
  assert.equal(findDriverFiles(top), {
    icds: [
      join(top, 'etc/vulkan/icd.d/nvidia_icd.x86_64.json'),
      join(top, 'usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json'),
    ],
    egl: [join(top, 'usr/local/nvidia/share/glvnd/egl_vendor.d/10_nvidia.json')],
    libraries: ['GLX', 'EGL'].map((api) => join(top, `usr/local/nvidia/lib64/lib${api}_nvidia.so.0`)),
  });
  assert.equal(findDriverFiles(withFiles()), { icds: [], egl: [], libraries: [] });
});

test('a driver whose links were not made is found by its version, and links come before versions', () => {
  const folder = 'usr/lib/x86_64-linux-gnu';
  const top = withFiles(
    `${folder}/libGLX_nvidia.so.580.95.05`,
    `${folder}/libEGL_nvidia.so.580.95.05`,
    `${folder}/libGLX_nvidia.so`,
  );
  assert.equal(
    findDriverFiles(top).libraries,
    ['GLX', 'EGL'].map((api) => join(top, `${folder}/lib${api}_nvidia.so.580.95.05`)),
  );
  const linked = withFiles(`${folder}/libGLX_nvidia.so.580.95.05`, `${folder}/libGLX_nvidia.so.0`);
  assert.equal(findDriverFiles(linked).libraries, [join(linked, `${folder}/libGLX_nvidia.so.0`)]);
});

test('drivers in the folders of other hosts: deep mounts, Kubernetes, a driver container, WSL', () => {
  for (const [file, kind] of [
    ['usr/local/nvidia/vulkan/icd.d/nvidia_icd.json', 'icds'],
    ['home/kubernetes/bin/nvidia/vulkan/icd.d/nvidia_icd.json', 'icds'],
    ['run/nvidia/driver/usr/share/vulkan/icd.d/nvidia_icd.x86_64.json', 'libraries'],
    ['usr/local/nvidia/lib/libGLX_nvidia.so.0', 'libraries'],
    ['usr/lib64/libGLX_nvidia.so.0', 'libraries'],
    ['run/opengl-driver/lib/libEGL_nvidia.so.0', 'libraries'],
  ] as const) {
    const found = findDriverFiles(withFiles(file));
    assert.is([...found.icds, ...found.libraries].length, 1, `${file} ${kind}`);
  }
});

test("what the loader complains about is told, once and not all of it; a GPU's files in /dev are listed", () => {
  const output = [
    'INFO: searching',
    ...Array.from({ length: 9 }, (_, i) => `ERROR: libX${i % 5}.so.6: cannot open`),
  ].join('\n');
  assert.equal(
    loaderWords(output),
    [0, 1, 2].map((i) => `ERROR: libX${i}.so.6: cannot open`),
  );
  assert.equal(loaderWords('all is well'), []);
  assert.equal(nodesOf(withFiles('nvidia0', 'nvidiactl', 'null', 'dri/renderD128')).sort(), [
    'dri',
    'nvidia0',
    'nvidiactl',
  ]);
  assert.equal(nodesOf('/nonexistent'), []);
});

test('each file is a way, a driver without a file gets one, and the variables lead to its library', () => {
  const work = withFiles();
  const files = { icds: ['/a/nvidia_icd.json'], egl: ['/a/10_nvidia.json'], libraries: ['/b/libGLX_nvidia.so.0'] };
  const ways = attemptsOf({ env: { LD_LIBRARY_PATH: '/own' }, files, folders: ['/carried'], work });
  assert.equal(
    ways.map(({ env }) => env['VK_DRIVER_FILES']),
    ['/a/nvidia_icd.json', join(work, 'icd-0.json'), undefined],
  );
  for (const { env } of ways) {
    assert.is(env['LD_LIBRARY_PATH'], '/own:/b:/carried');
    assert.is(env['__EGL_VENDOR_LIBRARY_FILENAMES'], '/a/10_nvidia.json');
  }
  const written = JSON.parse(readFileSync(join(work, 'icd-0.json'), 'utf8')) as { ICD: { library_path: string } };
  assert.is(written.ICD.library_path, '/b/libGLX_nvidia.so.0');
});

test('what the user set is the only way', () => {
  const files = { icds: ['/a/nvidia_icd.json'], egl: [], libraries: ['/b/libGLX_nvidia.so.0'] };
  for (const name of ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES']) {
    const ways = attemptsOf({ env: { [name]: '/mine.json' }, files, folders: [], work: withFiles() });
    assert.equal(
      ways.map(({ env }) => env['VK_DRIVER_FILES']),
      ['/mine.json'],
    );
  }
});

test("the system's libraries come before those that were brought along", () => {
  const carried = withFiles('libvulkan.so.1', 'libEGL.so.1');
  const lacking = lackingLibraries(carried, new Set(['libEGL.so.1']), withFiles());
  assert.equal(lacking?.names, ['libvulkan.so.1']);
  assert.is(readlinkSync(join(lacking?.folder ?? '', 'libvulkan.so.1')), join(carried, 'libvulkan.so.1'));
  assert.is(lackingLibraries(carried, new Set(['libEGL.so.1', 'libvulkan.so.1']), withFiles()), undefined);
  assert.is(lackingLibraries(join(carried, 'nothing'), new Set(), withFiles()), undefined);
});

test('a part gets at most what the parts before it left', () => {
  let now = 0;
  const budget = new Budget(100, () => now);
  assert.is(budget.shareOf({ least: 10, most: 30 }), 30);
  now = 80_000;
  assert.is(budget.shareOf({ least: 10, most: 30 }), 17);
  assert.is(budget.shareOf({ least: 20, most: 30 }), undefined);
  now = 200_000;
  assert.is(budget.left, 0);
});

test('the lines of nvidia-smi become records', () => {
  const [card] = readCards(
    'NVIDIA H200, GPU-1, 580.1, 143771 MiB, 345 MHz, 1980 MHz, 3201 MHz, 77 W, 700 W, 30, Disabled\n',
  );
  assert.is(card?.['name'], 'NVIDIA H200');
  assert.is(card?.['clocks.max.sm'], '1980 MHz');
  assert.equal(readCards('\n'), []);
  // Some versions say so with exit code 0.
  assert.equal(readCards('No devices were found\n'), []);
});

test("the system's libraries are found in the linker's folders, too, where it has no cache", () => {
  const top = withFiles('usr/lib64/libonlyhere.so.1', 'lib/x86_64-linux-gnu/libandhere.so.1');
  const found = systemLibraries(top);
  assert.ok(found.has('libonlyhere.so.1') && found.has('libandhere.so.1'));
});

test('a product from operands rounded to TF32 is right, and one whose entries are off is found', () => {
  const [a, b] = [operand('float32', [12, 40], 1), operand('float32', [40, 9], 2)];
  const rounded = (x: Tensor) => {
    const out = new Tensor('float32', x.shape, x.data.slice());
    for (let i = 0; i < out.size; i++) {
      const [bits] = new Uint32Array(Float32Array.of(out.data[i] as number).buffer);
      out.data[i] = new Float32Array(Uint32Array.of((bits as number) & 0xffffe000).buffer)[0] as number;
    }
    return out;
  };
  const c = referenceMatmul(rounded(a), rounded(b));
  assert.is(tf32Fault(c, a, b), undefined);
  for (let i = 0; i < c.size; i++) c.data[i] = (c.data[i] as number) + 0.5;
  assert.match(tf32Fault(c, a, b) ?? '', /relative error/);
  c.data.fill(Number.NaN);
  assert.match(tf32Fault(c, a, b) ?? '', /relative error is NaN/);
});

test('entries of a product: a right one has no fault, and a row that is off is found', () => {
  for (const dtype of ['float32', 'int32'] as const) {
    const [a, b] = [operand(dtype, [20, 30], 1), operand(dtype, [30, 25], 2)];
    const c = referenceMatmul(a, b);
    assert.is(entriesFault(c, a, b), undefined);
    for (let i = 0; i < c.size; i++) c.data[i] = (c.data[i] as number) + 1;
    assert.match(entriesFault(c, a, b) ?? '', /of rows .* expected/);
  }
});

test('only verified rows count in the summary, each against the same product by PyTorch', () => {
  const row = (part: string, tflops: number, more: Record<string, unknown> = {}) => ({
    part,
    dtype: 'float32',
    shape: '4096×4096×4096',
    tflops,
    verified: true as true | string,
    ...more,
  });
  const rows = [
    row('float32', 20),
    row('float32', 30),
    row('tiles', 99, { verified: 'wrong' }),
    row('torch', 50),
    row('torch', 400, { tf32: true }),
    row('float32', 90, { precision: 'split16' }),
  ];
  const summary = new Map(summarize(rows).map(({ figure, value }) => [figure, value]));
  assert.is(summary.get('float32 4096³ in WGSL, TFLOP/s'), 30);
  assert.is(summary.get('float32 4096³ in WGSL, % of PyTorch'), 60);
  assert.is(summary.get('float32 4096³ in WGSL from halves, TFLOP/s'), 90);
  assert.is(summary.get('float16 4096³ in WGSL, % of PyTorch'), undefined);
  assert.is(summary.get('rows that are wrong'), 1);
});

test('the seed is the text of the file that the product ships', () => {
  const text = seedText({ "a card's 1: float32": '64x64', 'a card 0': '32x32' });
  assert.match(
    text,
    "export const SEED: Readonly<Record<string, string>> = {\n  'a card 0': '32x32',\n  'a card\\'s 1: float32': '64x64',\n};\n",
  );
  assert.match(seedText({}), '= {};\n');
});

test.run();
