// Compiles into dist, which then holds what the sources say and nothing else. An unchanged tree costs half a second:
// `npm start`, `npm test` and `npm run check` build too. What the compiler remembers lies in dist, so that a removed dist
// is a fresh start.
import { chmodSync, existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const OUTPUTS = ['.js', '.js.map', '.d.ts'];

/** Paths without their endings of all that tsconfig.json includes. */
function sources(config) {
  return new Set(config.fileNames.map((path) => withoutEnding(join(DIST, resolve(path).slice(ROOT.length)))));
}

function outputs(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

const withoutEnding = (path) => path.replace(/(\.js|\.js\.map|\.d\.ts|\.ts)$/, '');

/** A source that was moved or deleted leaves its outputs, and the test runner would run an old test. */
function removeStale(known) {
  for (const path of outputs(DIST)) {
    if (known.has(withoutEnding(path)) || !OUTPUTS.some((ending) => path.endsWith(ending))) continue;
    rmSync(path);
    console.log(`removed ${path.slice(ROOT.length)}: its source is gone`);
  }
  removeEmpty(DIST);
}

function removeEmpty(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

/** The compiler trusts its notes: where an output of a source in them is missing, it must forget them all. */
function forgetIfIncomplete(known, notes) {
  if (!existsSync(notes)) return;
  const { fileNames } = JSON.parse(readFileSync(notes, 'utf8'));
  const noted = fileNames.map((path) => withoutEnding(join(DIST, join(DIST, path).slice(ROOT.length))));
  const hasOutputs = (path) => OUTPUTS.every((ending) => existsSync(path + ending));
  if (!noted.every((path) => !known.has(path) || hasOutputs(path))) rmSync(notes);
}

function main() {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (d) => console.error(d.messageText) };
  const config = ts.getParsedCommandLineOfConfigFile(join(ROOT, 'tsconfig.json'), {}, host);
  if (config === undefined) process.exit(1);
  const known = sources(config);
  removeStale(known);
  forgetIfIncomplete(known, config.options.tsBuildInfoFile);
  const report = (d) => console.error(ts.formatDiagnostic(d, formatHost));
  const formatHost = { getCurrentDirectory: () => ROOT, getCanonicalFileName: (name) => name, getNewLine: () => '\n' };
  const solution = ts.createSolutionBuilderHost(ts.sys, undefined, report, () => {});
  process.exitCode = ts.createSolutionBuilder(solution, [join(ROOT, 'tsconfig.json')], {}).build();
  const command = join(DIST, 'src/cli/main.js');
  if (existsSync(command)) chmodSync(command, 0o755);
}

main();
