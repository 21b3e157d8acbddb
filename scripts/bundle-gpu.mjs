// Packs one folder, out/gpu-bundle, that runs the matmul conformance suite and the benchmarks on a machine with a GPU and
// nothing else: no node, no registry. Run it as `npm run bundle:gpu` after `npm run build`; then, there, out/gpu-bundle/run.sh.
// Holds this machine's node and only the files of the packages that such a run loads; Linux on x64.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const OUT = join(ROOT, 'out', 'gpu-bundle');
const LIMIT_MIB = 55;
const MiB = 1024 * 1024;

/** The parts of each package that are needed, beside its package.json. */
const PACKAGES = {
  webgpu: ['index.js', 'dist/linux-x64'],
  debug: ['src'],
  ms: ['index.js'],
  'gpu.js': ['src', 'node_modules/acorn/package.json', 'node_modules/acorn/dist'],
  'gpu-mock.js': ['.'],
  acorn: ['dist'],
  'acorn-walk': ['dist'],
  'magic-string': ['dist'],
  '@jridgewell/sourcemap-codec': ['dist'],
  picomatch: ['.'],
  commander: ['.'],
  zeromq: ['lib', 'build/manifest.json', 'build/linux/x64/node'],
  'cmake-ts': ['build/loader.js', 'build/loader.mjs'],
  '@tensorflow/tfjs-core': ['dist/tf-core.node.js'],
  '@tensorflow/tfjs-backend-cpu': ['dist/tf-backend-cpu.node.js'],
  '@tensorflow/tfjs-backend-wasm': ['dist/tf-backend-wasm.node.js', 'wasm-out'],
  '@tensorflow/tfjs-backend-webgpu': ['dist/tf-backend-webgpu.node.js'],
  seedrandom: ['.'],
  long: ['src'],
  'node-fetch': ['lib'],
  'whatwg-url': ['lib'],
  tr46: ['.'],
  'webidl-conversions': ['lib'],
  uvu: ['.'],
  dequal: ['.'],
  diff: ['lib'],
  kleur: ['.'],
  sade: ['.'],
  mri: ['.'],
  // The software GPU, so that a machine without a driver still tells our faults from its own.
  '@sparticuz/chromium': ['build', 'bin/swiftshader.tar.br'],
};
const ONNX = {
  'onnxruntime-node': ['dist', 'bin/napi-v6/linux/x64'],
  'onnxruntime-common': ['dist/cjs'],
};
const NO_CODE = /\.(map|md|markdown|ts|mts|cts|flow|tsbuildinfo)$|\.min\.js$/;
const NOT_NEEDED = /\/(tests?|benchmarks?|docs|examples?)\//;
// zeromq tries its builds for glibc one after the other, since each wants another glibc; the rest is for other systems.
const FOREIGN = /build\/linux\/x64\/node\/(?!glibc-)[^/]+/;

class Missing extends Error {}

function keep(path) {
  const name = relative(ROOT, path).replaceAll('\\', '/');
  return !NO_CODE.test(name) && !NOT_NEEDED.test(name) && !FOREIGN.test(name);
}

function copyPackages(packages, folder) {
  for (const [name, files] of Object.entries(packages)) {
    const source = join(ROOT, 'node_modules', name);
    if (!existsSync(source)) throw new Missing(`${name} is not installed: npm ci`);
    for (const file of ['package.json', ...files]) {
      const from = join(source, file);
      if (!existsSync(from)) throw new Missing(`${from} is not there: another version of ${name}?`);
      const to = join(folder, 'node_modules', name, file);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(from, to, { recursive: true, dereference: true, filter: keep });
    }
  }
}

/** dist, the sources of Python peers and the scripts that run there. */
function copyProject(folder) {
  for (const name of ['package.json', 'dist', 'bench/peers']) {
    const from = join(ROOT, name);
    if (existsSync(from)) cpSync(from, join(folder, name), { recursive: true, filter: (path) => !NO_CODE.test(path) });
  }
  copyFileSync(join(ROOT, 'scripts', 'gpu-run.mjs'), join(folder, 'gpu-run.mjs'));
}

/** The packed file's name. xz and not node's own brotli: the other machine has xz or Python to unpack it, but no node. */
function pack(file, into) {
  const target = `${into}.xz`;
  try {
    writeFileSync(target, execFileSync('xz', ['-6', '-T0', '-c', file], { maxBuffer: 1024 * MiB }));
  } catch (error) {
    if (error.code === 'ENOENT') throw new Missing('xz is not installed: apt-get install xz-utils');
    throw error;
  }
  return target;
}

function packFolder(folder, name) {
  const tar = join(folder, '..', `${name}.tar`);
  execFileSync('tar', ['-C', folder, '-cf', tar, '.']);
  return pack(tar, join(OUT, `${name}.tar`));
}

const sizeOf = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : statSync(path).size;
const mib = (bytes) => `${(bytes / MiB).toFixed(1)} MiB`;

function printParts(folder) {
  const modules = join(folder, 'node_modules');
  const names = readdirSync(modules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  );
  const parts = [['dist', sizeOf(join(folder, 'dist'))], ...names.map((name) => [name, sizeOf(join(modules, name))])];
  parts.sort((a, b) => b[1] - a[1]);
  for (const [name, bytes] of parts.filter(([, bytes]) => bytes > MiB / 10))
    console.log(`  ${name.padEnd(36)} ${mib(bytes).padStart(9)}`);
}

/** Leaves onnxruntime-node, the largest part, out where the rest has no room for it. */
function addOnnx(work) {
  const folder = join(work, 'onnx');
  try {
    copyPackages(ONNX, folder);
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    return `onnxruntime-node is left out: ${error.message}`;
  }
  const file = packFolder(folder, 'onnx');
  const total = sizeOf(OUT);
  if (total <= LIMIT_MIB * MiB) return undefined;
  rmSync(file);
  return `onnxruntime-node is left out: with it the bundle would be ${mib(total)}, over ${LIMIT_MIB} MiB`;
}

function build(work) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Missing('the bundle is made on Linux, x64');
  if (!existsSync(join(ROOT, 'dist', 'bench', 'matmul.js')))
    throw new Missing('dist/bench/matmul.js is not there: npm run build');
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const app = join(work, 'app');
  mkdirSync(app);
  copyProject(app);
  copyPackages(PACKAGES, app);
  console.log('in app.tar.xz, before packing:');
  printParts(app);
  packFolder(app, 'app');
  pack(process.execPath, join(OUT, 'node'));
  copyFileSync(join(ROOT, 'scripts', 'gpu-run.sh'), join(OUT, 'run.sh'));
  chmodSync(join(OUT, 'run.sh'), 0o755);
  const note = addOnnx(work);
  for (const name of readdirSync(OUT)) console.log(`${name.padEnd(38)} ${mib(sizeOf(join(OUT, name))).padStart(9)}`);
  console.log(`${'in all'.padEnd(38)} ${mib(sizeOf(OUT)).padStart(9)} of at most ${LIMIT_MIB} MiB`);
  if (note !== undefined) console.log(note);
  if (sizeOf(OUT) > LIMIT_MIB * MiB) throw new Missing('the bundle is too large');
}

const work = mkdtempSync(join(tmpdir(), 'dv-bundle-'));
try {
  build(work);
} catch (error) {
  if (!(error instanceof Missing)) throw error;
  console.error(`bundle-gpu: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
