// Gets other versions of Node for the tests, from the npm package that `node` installs for this system.
// `node scripts/node-versions.mjs 22` prints the path of the binary; exit 1 and the reason where it cannot be had.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const SYSTEM = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const CACHE = join(import.meta.dirname, '..', 'node_modules', '.cache', 'node-versions');
const LIMIT_MS = 120_000;

/** The version that a binary of Node says it is; undefined when it does not run. */
function versionOf(binary) {
  if (!existsSync(binary)) return undefined;
  const { status, stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** Installs the binary of that major version in a folder of its own; its path. */
function install(major) {
  const folder = join(CACHE, major);
  const name = `node-${SYSTEM}`;
  const binary = join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (versionOf(binary) !== undefined) return binary;
  mkdirSync(folder, { recursive: true });
  const args = [
    'install',
    '--prefix',
    folder,
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    `${name}@${major}`,
  ];
  const { status, stderr, error } = spawnSync('npm', args, { encoding: 'utf8', timeout: LIMIT_MS });
  if (versionOf(binary)?.startsWith(`v${major}.`)) return binary;
  const why = error?.message ?? /^npm error (?!code|A complete)(.*)$/m.exec(stderr)?.[1] ?? stderr.trim();
  throw new Error(`${name}@${major} cannot be installed (exit ${status}): ${why}`);
}

const [major = ''] = process.argv.slice(2);
try {
  if (!/^\d+$/.test(major)) throw new Error('which version? node scripts/node-versions.mjs 22');
  console.log(install(major));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
