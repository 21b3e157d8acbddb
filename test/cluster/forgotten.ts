// A program that forgets to stop its cluster is told so, once; a program that has anything else to do is not.

import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { others } from '../../src/cluster/launchers/forgotten-engines.ts';
import { ClusterLab } from '../fixtures/cluster-lab.ts';
import { sleep, until } from '../support/cluster.ts';
import { suite } from '../support/suite.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const test = suite('forgotten');
const lab = new ClusterLab();
const dir = temporaryFolder('dvforgot-');
test.after(() => {
  assert.equal(lab.leftovers(), []);
  lab.remove();
  rmSync(dir, { recursive: true });
});

const INDEX = pathToFileURL(join(fileURLToPath(new URL('../../', import.meta.url)), 'src/index.js')).href;
const TOLD = "directview: nothing but the engines of cluster '";
/** Longer than the watch needs: that nothing is told in that time is the subject. */
const WATCHED_MS = 6000;

/** The stderr of a program with a cluster of one engine, some time after it says that it is ready. */
async function toldAfter(
  name: string,
  body: string,
  options = '{}',
  wait: (err: () => string, ended: Promise<unknown>) => Promise<unknown> = () => sleep(WATCHED_MS),
): Promise<string> {
  const file = join(dir, `${name}.mjs`);
  const start = `import { Cluster, Client } from '${INDEX}';
    const cluster = await Cluster.start({ engines: 1, device: 'cpu', ...${options} });
    const rc = await cluster.connect();
    console.log('ready');\n`;
  writeFileSync(file, start + body);
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  const ended = new Promise((resolve) => child.on('close', resolve));
  while (!out.includes('ready') && child.exitCode === null) await sleep(20);
  await wait(() => err, ended);
  child.kill('SIGTERM');
  await ended;
  return err;
}

/** Resolves when it was told, and as long after it as the watch would need to tell it again. */
async function told(err: () => string): Promise<void> {
  await until('it to be told', () => err().includes(TOLD), 60_000);
  await sleep(WATCHED_MS);
}

test('told once: the program is over, an error came, or a promise never settles', async () => {
  const errors = await Promise.all([
    toldAfter('over', 'await rc[0].apply(() => 1);', '{}', told),
    toldAfter(
      'caught',
      'async function main() { throw new Error("no"); }\nmain().catch((e) => console.error(e.message));',
      '{}',
      told,
    ),
    toldAfter('stuck', 'await new Promise(() => {});', '{}', told),
  ]);
  for (const error of errors) assert.is(error.split(TOLD).length, 2, error);
  assert.match(errors[0] as string, 'await cluster.stop()');
});

test('not told: servers, timers, running tasks of any client, children, shared clusters, stopped ones', async () => {
  const errors = await Promise.all([
    toldAfter('server', "(await import('node:http')).createServer().listen(0);"),
    toldAfter('timer', 'setTimeout(() => {}, 60_000);'),
    toldAfter('task', 'await rc[0].apply(() => new Promise((go) => setTimeout(go, 60_000)));'),
    toldAfter(
      'other-client',
      'const other = await Client.connect(cluster.file); await other[0].apply(() => new Promise((go) => setTimeout(go, 60_000)));',
    ),
    toldAfter('child', "(await import('node:child_process')).spawn('cat');\nprocess.on('exit', () => {});"),
    toldAfter('shared', '', "{ name: 'shared' }"),
    toldAfter('stopped', 'await cluster.stop();', '{}', (_, ended) => ended),
  ]);
  for (const error of errors) assert.not.match(error, TOLD);
});

test('resources of children and streams are taken away, each once', () => {
  const child = ['ProcessWrap', 'PipeWrap', 'PipeWrap', 'PipeWrap'];
  assert.equal(others([...child, 'PipeWrap', ...child], 2, ['PipeWrap']), []);
  assert.equal(others([...child, 'TTYWrap', 'TTYWrap'], 1, ['TTYWrap']), ['TTYWrap']);
  assert.equal(others([...child, ...child], 1, []), child);
  assert.equal(others(['Timeout', ...child], 1, ['PipeWrap']), ['Timeout']);
});

test.run();
