// How clusters end with the process that owns them: signals, exits, crashes. Real processes.
import { readdirSync, readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { Cluster } from '../../src/cluster/cluster.ts';
import { listClusters } from '../../src/cluster/files/cluster-file.ts';
import { allGone, ClusterLab, isPending, isStopped, Program, until } from '../fixtures/cluster-lab.ts';
import { suite } from '../support/suite.ts';

const test = suite('cluster owner');
const lab = new ClusterLab();
test.after(() => lab.remove());

function assertNothingLeft(pids: readonly number[]): void {
  assert.ok(allGone(pids), 'a process is left');
  assert.equal(lab.leftovers(), []);
}

async function owner(handling: string): Promise<{ program: Program; pids: number[] }> {
  const program = new Program('test/fixtures/cluster-owner.js', [handling]);
  const [, pids] = await program.says(/pids (\[.*\])/);
  return { program, pids: JSON.parse(pids!) as number[] };
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test(`${signal} to the owner: engines and files go, exit ${code}`, async () => {
    const { program, pids } = await owner('default');
    program.child.kill(signal);
    const ran = await program.done;
    assert.is(ran.code, code);
    assertNothingLeft(pids);
  });
}

test('a program that catches the ClusterError of a taken name ends well: exit 0, nothing guarded', async () => {
  const cluster = await Cluster.start({ engines: 1, device: 'none', name: 'taken' });
  try {
    const { code, stdout, stderr } = await new Program('test/fixtures/cluster-twice.js', ['taken']).done;
    assert.is(stderr, '');
    assert.match(stdout, /^caught: a cluster named 'taken' is running already/);
    assert.match(stdout, 'SIGINT: 0\nSIGTERM: 0\nSIGHUP: 0\n');
    assert.is(code, 0);
    assert.is(cluster.engines.length, 1, 'the first one goes on');
  } finally {
    await cluster.stop();
  }
  assertNothingLeft([]);
});

test('an owner that exits, or throws, leaves nothing either', async () => {
  for (const [handling, code] of [
    ['exit', 7],
    ['throw', 1],
  ] as const) {
    const { program, pids } = await owner(handling);
    assert.is((await program.done).code, code);
    await until('the engines to end', () => allGone(pids));
    assertNothingLeft(pids);
  }
});

test('a second Ctrl-C does not wait for engines that will not end', async () => {
  const { program, pids } = await owner('default');
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  await until('the engines to stand still', () => pids.every(isStopped));
  program.child.kill('SIGINT');
  await until('the first one to ask', () => pids.every((pid) => isPending(pid, 'SIGTERM')));
  assert.not(allGone(pids), 'the first one asks');
  program.child.kill('SIGINT');
  assert.is((await program.done).code, 130);
  await until('the engines to end', () => allGone(pids));
  assertNothingLeft(pids);
});

test("a program's own SIGINT handler keeps its say", async () => {
  const { program, pids } = await owner('own');
  program.child.kill('SIGINT');
  await program.says(/handled by the program/);
  await program.says(/the engines answer yes,yes/);
  assert.not(allGone(pids));
  program.child.kill('SIGTERM');
  assert.is((await program.done).code, 143);
  assertNothingLeft(pids);
});

test('SIGKILL of the owner: engines end, and the next start sweeps its directory', async () => {
  const { program, pids } = await owner('default');
  program.child.kill('SIGKILL');
  await program.done;
  await until('the engines to end', () => allGone(pids));
  assert.is(readdirSync(lab.runtime).length, 1);
  assert.equal(
    listClusters().map((one) => one.stale),
    [true],
  );
  const cluster = await Cluster.start({ engines: 1, device: 'none' });
  assert.is(readdirSync(lab.runtime).length, 1);
  await cluster.stop();
  assert.is(readdirSync(lab.runtime).length, 0);
});

if (process.platform === 'linux') {
  test('every engine leads a process group of its own: Ctrl-C in a terminal reaches the owner alone', async () => {
    const { program, pids } = await owner('default');
    const groups = pids.map((pid) => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[2]));
    program.child.kill('SIGTERM');
    await program.done;
    assert.equal(groups, pids);
  });
} else test.skip('every engine leads a process group of its own', 'read from /proc');

test.run();
