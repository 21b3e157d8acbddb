// Packs the check-up of a card into one archive, out/gpu-checkup.tar.gz: the tree as built, node, the packages that it
// loads, and the libraries that machines without a display lack. Only tar and gzip unpack it: bare machines have both.
// Run it as `npm run bundle:gpu`. Linux on x64.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createGzip } from 'node:zlib';
import sharp from 'sharp';
import { LIBRARIES, PACKAGES, PICTURES } from './contents.mjs';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
const ARCHIVE = join(ROOT, 'out', 'gpu-checkup.tar.gz');
/** A machine that is lent for one command may take the checkout and the archive only up to 64 MiB together. */
const LIMIT_MIB = 56;
const MiB = 1024 * 1024;

const NO_CODE = /\.(map|md|markdown|ts|mts|cts|flow|tsbuildinfo)$|\.min\.js$/;
const NOT_NEEDED = /\/(tests?|benchmarks?|docs)\//;
// zeromq tries its builds for glibc one after the other, since each wants another glibc; the rest is for other systems.
const FOREIGN = /build\/linux\/x64\/node\/(?!glibc-)[^/]+/;

class Missing extends Error {}

function keep(path) {
  const name = relative(ROOT, path).replaceAll('\\', '/');
  return !NO_CODE.test(name) && !NOT_NEEDED.test(name) && !FOREIGN.test(name);
}

/** The packages, each with the parts of it that are loaded. */
function copyPackages(folder) {
  for (const [name, files] of Object.entries(PACKAGES)) {
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

/** dist without its tests, and the sources of Python peers. */
function copyProject(folder) {
  const code = (path) => !NO_CODE.test(path);
  for (const name of ['package.json', 'dist/src', 'dist/engines', 'dist/kernels', 'dist/bench', 'bench/peers']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true, filter: code });
  }
}

/** The pictures in grey, as PGM. */
async function copyPictures(folder) {
  for (const name of PICTURES) {
    const { data, info } = await sharp(join(ROOT, name)).greyscale().raw().toBuffer({ resolveWithObject: true });
    const to = join(folder, name.replace(/\.\w+$/, '.pgm'));
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, Buffer.concat([Buffer.from(`P5 ${info.width} ${info.height} 255\n`), data]));
  }
}

/** Native code without its symbols, which are a fifth of it; where strip is missing, as it is. */
function copyStripped(from, to) {
  if (spawnSync('strip', ['-o', to, from]).status !== 0) copyFileSync(from, to);
  chmodSync(to, 0o755);
}

/** Paths of this system's libraries by their names. */
function systemLibraries() {
  const { stdout = '' } = spawnSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  const found = new Map();
  for (const line of stdout.split('\n')) {
    const match = /^\s*(\S+) \((.*)\) => (\S+)$/.exec(line);
    if (match?.[2].includes('x86-64') && !found.has(match[1])) found.set(match[1], match[3]);
  }
  return found;
}

/** Gives the libraries of a Debian package; none where it cannot be had. */
function fromDebian(name, work) {
  const folder = join(work, 'debian', name);
  mkdirSync(folder, { recursive: true });
  const got = spawnSync('apt-get', ['download', name], { cwd: folder, encoding: 'utf8' });
  const deb = got.status === 0 ? readdirSync(folder).find((file) => file.endsWith('.deb')) : undefined;
  if (deb === undefined) return new Map();
  execFileSync('dpkg-deb', ['-x', join(folder, deb), folder]);
  const files = readdirSync(folder, { recursive: true }).map(String);
  return new Map(
    files
      .filter((file) => file.includes('.so.'))
      .map((file) => [file.slice(file.lastIndexOf('/') + 1), join(folder, file)]),
  );
}

/** From this system, else from Debian's packages. Gives the names that neither has. */
function copyLibraries(folder, work) {
  mkdirSync(folder, { recursive: true });
  const own = systemLibraries();
  return Object.entries(LIBRARIES).flatMap(([name, debian]) => {
    const path = own.get(name) ?? fromDebian(debian, work).get(name);
    if (path === undefined) return [name];
    copyFileSync(realpathSync(path), join(folder, name));
    return [];
  });
}

const sizeOf = (path) =>
  statSync(path).isDirectory()
    ? readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
    : statSync(path).size;
const mib = (bytes) => `${(bytes / MiB).toFixed(1)} MiB`;

function printParts(top) {
  const modules = join(top, 'app', 'node_modules');
  const parts = [
    ['node', sizeOf(join(top, 'node'))],
    ['lib', sizeOf(join(top, 'lib'))],
    ['dist', sizeOf(join(top, 'app', 'dist'))],
    ...Object.keys(PACKAGES).map((name) => [name, sizeOf(join(modules, name))]),
  ].sort((a, b) => b[1] - a[1]);
  for (const [name, bytes] of parts.filter(([, bytes]) => bytes > MiB / 2)) {
    console.log(`  ${name.padEnd(36)} ${mib(bytes).padStart(9)}`);
  }
}

async function pack(work) {
  const tar = join(work, 'all.tar');
  execFileSync('tar', ['-C', work, '--owner=0', '--group=0', '-cf', tar, 'gpu-checkup']);
  mkdirSync(dirname(ARCHIVE), { recursive: true });
  await pipeline(createReadStream(tar), createGzip({ level: 9 }), createWriteStream(ARCHIVE));
}

async function build(work) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Missing('the archive is made on Linux, x64');
  if (!existsSync(join(ROOT, 'dist', 'bench', 'checkup', 'main.js')))
    throw new Missing('dist is not built: npm run build');
  rmSync(ARCHIVE, { force: true });
  const top = join(work, 'gpu-checkup');
  const app = join(top, 'app');
  mkdirSync(app, { recursive: true });
  copyProject(app);
  copyPackages(app);
  await copyPictures(app);
  copyStripped(realpathSync(process.execPath), join(top, 'node'));
  execFileSync(join(top, 'node'), ['--version']);
  const dawn = 'node_modules/webgpu/dist/linux-x64/dawn.node';
  copyStripped(join(ROOT, dawn), join(app, dawn));
  const missing = copyLibraries(join(top, 'lib'), work);
  copyFileSync(join(ROOT, 'scripts', 'gpu-checkup', 'run.sh'), join(top, 'run.sh'));
  chmodSync(join(top, 'run.sh'), 0o755);
  console.log('before packing:');
  printParts(top);
  if (missing.length > 0) console.log(`neither here nor at Debian: ${missing.join(', ')}`);
  await pack(work);
  const size = sizeOf(ARCHIVE);
  console.log(`${relative(process.cwd(), ARCHIVE)}: ${mib(size)} of at most ${LIMIT_MIB} MiB`);
  if (size > LIMIT_MIB * MiB) throw new Missing('the archive is too large');
}

const work = mkdtempSync(join(tmpdir(), 'dv-bundle-'));
try {
  await build(work);
} catch (error) {
  if (!(error instanceof Missing)) throw error;
  console.error(`bundle: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
