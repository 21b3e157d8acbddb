// Builds the native binding of @tensorflow/tfjs-node against the TensorFlow wheel that pip brings, for machines that cannot
// reach the binding's own download host. It does nothing when the binding is there.
// Here: `npm run setup:tensorflow`. As a dependency: `npx directview setup tensorflow`.
// The unpacked libraries (850 MB) stay outside node_modules: in $DIRECTVIEW_CACHE, else $XDG_CACHE_HOME/directview, else
// ~/.cache/directview.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

const TENSORFLOW = '2.21.0';
const WHEEL = ['--only-binary=:all:', '--implementation', 'cp', '--python-version', '3.11'];
const PLATFORMS = { x64: 'manylinux_2_27_x86_64', arm64: 'manylinux_2_27_aarch64' };
// What of the wheel is needed: two libraries and the headers of the C interface.
const UNPACK = `
import sys, zipfile
wheel, into = sys.argv[1:]
heads = ('tensorflow/include/tensorflow/c/', 'tensorflow/include/tensorflow/core/platform/',
         'tensorflow/include/xla/tsl/', 'tensorflow/include/tsl/platform/')
with zipfile.ZipFile(wheel) as z:
    names = [n for n in z.namelist() if n.startswith(heads)
             or (n.startswith('tensorflow/libtensorflow_') and '.so' in n)]
    z.extractall(into, names)
`;

class Missing extends Error {}

function run(command, args, hint) {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    if (error.code === 'ENOENT') throw new Missing(`${command} is not installed: ${hint}`);
    throw new Missing(
      `${command} failed: ${hint}\n${String(error.stderr || error.message)
        .trim()
        .slice(-2000)}`,
    );
  }
}

function tfjsNode() {
  const places = createRequire(import.meta.url).resolve.paths('@tensorflow/tfjs-node') ?? [];
  const folder = places.map((place) => join(place, '@tensorflow', 'tfjs-node')).find((path) => existsSync(path));
  if (folder === undefined)
    throw new Missing(
      '@tensorflow/tfjs-node is not installed: npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0',
    );
  return folder;
}

function cacheFolder() {
  const base =
    process.env.DIRECTVIEW_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'directview');
  return resolve(base, `tensorflow-${TENSORFLOW}-${process.arch}`);
}

/** Downloads and unpacks into a folder of this process, then renames: an interrupted run leaves no half cache. */
function unpack(cache) {
  const platform = PLATFORMS[process.arch];
  if (process.platform !== 'linux' || platform === undefined) {
    throw new Missing(`no recipe for ${process.platform} ${process.arch}: npm rebuild @tensorflow/tfjs-node`);
  }
  const work = `${cache}.${process.pid}`;
  mkdirSync(join(work, 'wheel'), { recursive: true });
  try {
    console.log(`downloading the tensorflow-cpu ${TENSORFLOW} wheel (about 275 MB) …`);
    const pip = ['-m', 'pip', 'download', '--no-deps', '--disable-pip-version-check', ...WHEEL];
    const target = ['--platform', platform, '-d', join(work, 'wheel'), `tensorflow-cpu==${TENSORFLOW}`];
    run('python3', [...pip, ...target], 'python3 with pip must reach a package index that has tensorflow-cpu');
    const wheel = join(work, 'wheel', readdirSync(join(work, 'wheel'))[0]);
    console.log('unpacking its C library (about 850 MB) …');
    run('python3', ['-c', UNPACK, wheel, work], 'the wheel does not unpack: is the disk full?');
    rmSync(join(work, 'wheel'), { recursive: true });
    linkLibraries(join(work, 'tensorflow'));
    if (existsSync(cache)) return;
    renameSync(work, cache);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function linkLibraries(folder) {
  symlinkSync('libtensorflow_cc.so.2', join(folder, 'libtensorflow.so'));
  symlinkSync('libtensorflow_framework.so.2', join(folder, 'libtensorflow_framework.so'));
}

/** Node's own headers: beside the executable, or where node-gyp put them. */
function nodeHeaders() {
  const cached = join(homedir(), '.cache', 'node-gyp', process.versions.node, 'include', 'node');
  const nodedir = process.env.npm_config_nodedir;
  const places = [resolve(process.execPath, '../../include/node'), cached];
  if (nodedir !== undefined) places.push(join(nodedir, 'include', 'node'));
  const found = places.find((path) => existsSync(join(path, 'node_api.h')));
  if (found === undefined) throw new Missing(`node_api.h is not in ${places.join(' or ')}: npx node-gyp install`);
  return found;
}

function compile(folder, cache, binding) {
  const lib = join(cache, 'tensorflow');
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(folder, 'binding', file));
  const include = [nodeHeaders(), join(lib, 'include'), resolve(folder, '..')].map((path) => `-I${path}`);
  const flags = ['-O2', '-std=c++17', '-fPIC', '-shared', '-w', '-DNAPI_VERSION=8'];
  const link = [`-L${lib}`, '-ltensorflow', '-ltensorflow_framework', `-Wl,-rpath,${lib}`];
  mkdirSync(resolve(binding, '..'), { recursive: true });
  console.log('compiling the binding …');
  const half = `${binding}.${process.pid}`;
  run('g++', [...flags, ...include, ...sources, ...link, '-o', half], 'install a C++17 compiler (g++)');
  renameSync(half, binding);
}

function works(folder) {
  const code = `const u = require('node:util'); u.isNullOrUndefined ??= (v) => v == null;
    const tf = require(${JSON.stringify(folder)}); if (tf.matMul([[2]], [[3]]).dataSync()[0] !== 6) process.exit(1);`;
  run(process.execPath, ['-e', code], 'the binding does not load; remove the cache folder and run this again');
}

function main() {
  const folder = tfjsNode();
  const binding = join(folder, 'lib', 'napi-v8', 'tfjs_binding.node');
  const cache = cacheFolder();
  const stamp = join(folder, 'lib', 'napi-v8', 'directview-setup.txt');
  if (existsSync(binding) && (!existsSync(stamp) || existsSync(cache))) {
    console.log(`the tensorflow binding is there: ${binding}`);
    return;
  }
  if (existsSync(cache)) console.log(`using the unpacked library in ${cache}`);
  else unpack(cache);
  compile(folder, cache, binding);
  works(folder);
  writeFileSync(stamp, `built against tensorflow ${TENSORFLOW} in ${cache}\n`);
  console.log(`done: ${binding}`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof Missing)) throw error;
  console.error(`setup-tensorflow: ${error.message}`);
  process.exitCode = 1;
}
