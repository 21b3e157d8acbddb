// Jobs of a cluster whose process was killed: other commands show them and end them. By stand-ins for the commands of PBS and LSF.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { isAlive, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { makeCommands, runningJobs } from '../../support/systems/fake-batch.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const run = promisify(execFile);
const CLI = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const test = suite('systems/left-jobs');
const home = temporaryFolder('dv-left-');
const state = join(home, 'state');
const path = process.env['PATH'] ?? '';

test.before(() => {
  process.env['DIRECTVIEW_HOME'] = state;
});
test.after(() => {
  process.env['PATH'] = path;
  rmSync(home, { recursive: true, force: true });
});

const cli = async (...args: string[]) => {
  const result = await run(process.execPath, [CLI, ...args], { cwd: home }).catch((error: unknown) => error);
  const { stdout, stderr, code = 0 } = result as { stdout: string; stderr: string; code?: number };
  return { code, out: stdout, text: `${stdout}${stderr}` };
};

/** Starts a cluster of two engines in the background, and kills its process. */
async function startAndKill(kind: string): Promise<{ readonly pid: number; readonly engines: readonly number[] }> {
  const config = { launcher: { kind, poll: 100 }, engines: 2, device: 'none', listen: 'tcp://127.0.0.1' };
  writeFileSync(join(home, 'directview.config.json'), JSON.stringify(config));
  const started = await cli('start', '--name', 'mine', '--daemonize', '--json');
  assert.is(started.code, 0, started.text);
  const { pid, engines } = JSON.parse(started.out) as { pid: number; engines: readonly { pid: number }[] };
  process.kill(pid, 'SIGKILL');
  await until('the end of the cluster', () => !isAlive(pid));
  return { pid, engines: engines.map((engine) => engine.pid) };
}

for (const kind of ['pbs', 'lsf'] as const)
  test(`${kind}: status and list show what is left, stop ends it`, async () => {
    const folder = join(home, kind);
    mkdirSync(folder);
    makeCommands(folder, kind);
    process.env['PATH'] = `${folder}:${path}`;
    const { pid, engines } = await startAndKill(kind);
    const shown = await cli('status', 'mine');
    assert.is(shown.code, 0, shown.text);
    assert.match(
      shown.text,
      new RegExp(`cluster 'mine' has lost its process ${pid} on \\S+; ${kind} still has its jobs`),
    );
    // They are submitted together: either may have the first number.
    for (const id of [0, 1]) assert.match(shown.text, new RegExp(`^${id} +has its place +[12]\\S* +here`, 'm'));
    const json = JSON.parse((await cli('status', '--json')).out) as { isGone: boolean; places: readonly unknown[] };
    assert.equal([json.isGone, json.places.length], [true, 2]);
    assert.match((await cli('list')).text, new RegExp(`mine +${pid} .*gone, jobs of ${kind} may be left`));
    for (const file of files(state))
      assert.is(readFileSync(file, 'utf8').includes('"jobs"') && mentionsKeys(file), false);
    const stopped = await cli('stop', 'mine');
    assert.is(stopped.code, 0, stopped.text);
    assert.match(
      stopped.text,
      new RegExp(`cluster 'mine' had lost its process ${pid}; ended with ${kind}: [12]\\S*, [12]`),
    );
    assert.equal(runningJobs(folder), []);
    for (const engine of engines) await until(`the end of process ${engine}`, () => !isAlive(engine));
    assert.equal(files(state), []);
    assert.match((await cli('stop', 'mine')).text, /no cluster file at .*mine\.json/);
  });

test('jobs that have ended meanwhile are forgotten, those of a system that does not answer are not', async () => {
  const folder = join(home, 'other');
  mkdirSync(folder);
  makeCommands(folder, 'pbs');
  process.env['PATH'] = `${folder}:${path}`;
  await startAndKill('pbs');
  const query = readFileSync(join(folder, 'qstat'));
  writeFileSync(join(folder, 'qstat'), '#!/bin/sh\necho cannot connect to server >&2\nexit 1\n');
  const unknown = await cli('stop', 'mine');
  assert.is(unknown.code, 1);
  assert.match(unknown.text, /nobody knows what is left of cluster 'mine': qstat failed: cannot connect to server/);
  assert.equal(runningJobs(folder), [1, 2]);
  writeFileSync(join(folder, 'qstat'), query);
  await run('qdel', ['1.fake', '2.fake']);
  await until('an empty queue', () => runningJobs(folder).length === 0);
  const none = await cli('status', 'mine');
  assert.match(none.text, /has lost its process \d+ on \S+, and pbs has none of its jobs any more/, none.text);
  assert.equal(files(state), []);
});

const mentionsKeys = (file: string): boolean => /secret/i.test(readFileSync(file, 'utf8'));

/** Every file below a folder. */
const files = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  );

test.run();
