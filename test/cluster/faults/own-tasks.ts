// A client ends its own tasks, and others only when it is asked to. Large aborts, listeners that throw, signals of the
// system, and functions that come back.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { AlreadyDisplayedError, RemoteError } from '../../../src/errors.ts';
import { Program } from '../../fixtures/cluster-lab.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, sleep, startRig, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('faults/own-tasks');
let rig: Rig;
let other: Client;

test.before(async () => {
  rig = await startRig(2);
  other = await rig.cluster.connect();
});
test.after(async () => {
  await other.close();
  await rig.stop();
});

const nap = () => new Promise((resolve) => setTimeout(() => resolve('rested'), 1500));
const loop = () => {
  for (;;);
};
const quiet = { stdout: { write: () => true }, stderr: { write: () => true } };

test('interrupt leaves the tasks of other clients alone', async () => {
  const theirs = other.view(0).apply(nap);
  const ours = rig.rc.view(1).apply(loop);
  await untilRunning(rig.rc, [0, 1]);
  await rig.rc.interrupt();
  await rig.rc.view(0).interrupt();
  assert.is((await rejects(() => ours, RemoteError)).ename, 'TaskInterrupted');
  assert.is(await theirs, 'rested');
});

for (const [how, options] of [
  ['all', () => ({ all: true })],
  ['ids', (id: string) => ({ ids: [id] })],
] as const) {
  test(`interrupt ends another client's task when it is asked to: ${how}`, async () => {
    const theirs = other.view(0).apply(loop);
    await untilRunning(rig.rc, [0]);
    await rig.rc.interrupt(0, options(theirs.msgIds[0] as string));
    assert.is((await rejects(() => theirs, RemoteError)).ename, 'TaskInterrupted');
  });
}

test('a px behind the task of another client is dropped by its interrupt, and never runs', async () => {
  const theirs = other.view(0).apply(nap);
  await untilRunning(rig.rc, [0]);
  const run = rig.rc.view([0]).px.with(quiet)`globalThis.pxRan = true`;
  await until('the px to wait', () => run.result.tasks.length === 1);
  while (((await rig.rc.status(0)).get(0)?.queue.length ?? 0) === 0) await sleep(5);
  await run.interrupt();
  const { errors } = await rejects(() => run, AlreadyDisplayedError);
  assert.is(errors[0]?.ename, 'TaskAborted');
  assert.is(await theirs, 'rested');
  assert.is(await rig.e0.apply(() => typeof (globalThis as { pxRan?: true }).pxRan), 'undefined');
});

test('a px behind an endless loop of its own client gets its turn', async () => {
  const endless = rig.e0.apply(loop);
  await untilRunning(rig.rc, [0]);
  const run = rig.rc.view([0]).px.with(quiet)`5`;
  await run.interrupt();
  assert.is((await rejects(() => endless, RemoteError)).ename, 'TaskInterrupted');
  await run;
});

test('Ctrl-C in directview px, behind the task of another client', async () => {
  const shared = await Cluster.start({ engines: 1, device: 'cpu', name: `own-tasks-${process.pid}` });
  try {
    const rc = await shared.connect();
    const theirs = rc.view(0).apply(nap);
    await untilRunning(rc, [0]);
    const px = new Program('src/cli/main.js', ['px', '--cluster', shared.file, 'globalThis.pxRan = 1']);
    while (((await rc.status(0)).get(0)?.queue.length ?? 0) === 0) await sleep(5);
    px.child.kill('SIGINT');
    assert.is((await px.done).code, 130);
    assert.is(await theirs, 'rested');
    assert.is(await rc.view(0).apply(() => typeof (globalThis as { pxRan?: 1 }).pxRan), 'undefined');
    const endless = rc.view(0).apply(loop);
    await untilRunning(rc, [0]);
    const done = await new Program('src/cli/main.js', ['interrupt', '--cluster', shared.file]).done;
    assert.is(done.code, 0, done.stderr);
    assert.is((await rejects(() => endless, RemoteError)).ename, 'TaskInterrupted');
  } finally {
    await shared.stop();
  }
});

test('abort takes 100 000 queued tasks, and none of them runs', async () => {
  const count = 100_000;
  await rig.e0.push({ ran: 0 });
  const folder = mkdtempSync(join(tmpdir(), 'own-tasks-'));
  // It ends when it is told to, however long this machine takes to queue the others.
  const nothing = rig.e0.apply(
    async (mark: string) => {
      const { existsSync } = await import('node:fs');
      while (!existsSync(mark)) await new Promise((resolve) => setTimeout(resolve, 20));
      return 'rested';
    },
    join(folder, 'mark'),
  );
  await untilRunning(rig.rc, [0]);
  const tasks = Array.from({ length: count }, () => rig.e0.execute('ran += 1'));
  await rig.rc.abort();
  const ends = await Promise.allSettled(tasks);
  writeFileSync(join(folder, 'mark'), '');
  assert.is(await nothing, 'rested');
  rmSync(folder, { recursive: true });
  const aborted = ends.filter(
    (end) => end.status === 'rejected' && (end.reason as RemoteError).ename === 'TaskAborted',
  );
  assert.is(aborted.length, count);
  assert.is(await rig.e0.pull('ran'), 0);
  assert.is(rig.rc.outstanding.size, 0);
});

test('listeners that throw become warnings: the cluster starts, the client connects, tasks run', async () => {
  const warnings: string[] = [];
  const hear = ({ name, message }: Error) => warnings.push(`${name}: ${message}`);
  process.on('warning', hear);
  const onEvent = (event: { type: string }): void => {
    throw new Error(`thrown at ${event.type}`);
  };
  const cluster = await Cluster.start({ engines: 1, device: 'cpu', onEvent });
  try {
    const rc = await cluster.connect({
      onEvent: (event) => Promise.reject(new Error(`rejected at ${event.type}`)) as never,
    });
    rc.onEvent(onEvent);
    assert.is(await rc.view(0).apply(() => 5), 5);
    await cluster.add(1);
    assert.equal(await rc.view('all').apply(() => 5), [5, 5]);
    for (const what of ['thrown at engine-up', 'rejected at engine-up'])
      await until(`a warning of what was ${what}`, () =>
        warnings.some((text) => text.startsWith('ListenerWarning: a listener') && text.includes(what)),
      );
  } finally {
    process.off('warning', hear);
    await cluster.stop();
  }
});

/** Does the inspector answer at its usual port? */
function hasInspector(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(9229, '127.0.0.1');
    const settle = (open: boolean) => () => {
      socket.destroy();
      resolve(open);
    };
    socket.on('connect', settle(true));
    socket.on('error', settle(false));
  });
}

/**
 * Resolves when a plain Node, signalled now, has opened its inspector: whoever was signalled before has had as long to
 * do so.
 */
async function plainNodeOpensIts(): Promise<void> {
  const code = "setInterval(() => {}, 1000); console.log('runs')";
  const plain = spawn(process.execPath, ['--inspect-port=0', '-e', code], { stdio: ['ignore', 'pipe', 'pipe'] });
  await once(plain.stdout, 'data');
  plain.kill('SIGUSR1');
  await once(plain.stderr, 'data');
  plain.kill('SIGKILL');
  await once(plain, 'close');
}

/** Where engines start with --disable-sigusr1, Node gives that signal to nobody. */
const HEARD: readonly string[] = process.allowedNodeEnvironmentFlags.has('--disable-sigusr1')
  ? ['SIGUSR2']
  : ['SIGUSR1', 'SIGUSR2'];

test('SIGUSR1 opens no inspector; SIGUSR2 and SIGHUP end no engine; user code may listen to them', async () => {
  const { pid, uuid } = rig.rc.engine(0) as { pid: number; uuid: string };
  await rig.e0.execute("heard = []; for (const s of ['SIGUSR1', 'SIGUSR2']) process.on(s, () => heard.push(s))");
  for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGHUP'] as const) {
    process.kill(pid, signal);
    while (HEARD.includes(signal) && !((await rig.e0.pull('heard')) as string[]).includes(signal)) await sleep(5);
  }
  await plainNodeOpensIts();
  assert.is(await hasInspector(), false);
  assert.is(await rig.e0.apply(() => process.getBuiltinModule('node:inspector').url()), undefined);
  assert.is(await rig.e0.apply(() => 5), 5);
  assert.is(rig.rc.engine(0)?.uuid, uuid);
});

test('SIGUSR1 opens no inspector in an engine that starts, nor in commands that stay', async () => {
  const name = `inspected-${process.pid}`;
  const folder = temporaryFolder('dv-signal-');
  const script = join(folder, 'stays.ts');
  writeFileSync(script, "console.log('the script runs'); setInterval(() => {}, 1000);");
  const stays = async (says: RegExp, ...args: string[]) => {
    const program = new Program('src/cli/main.js', args);
    programs.push(program);
    await program.says(says);
  };
  const programs: Program[] = [];
  try {
    await stays(/is running/, 'start', '--name', name, '-n', '1', '--device', 'none');
    await stays(/dashboard of/, 'dashboard', name);
    await stays(/the script runs/, 'run', script, '-n', '1', '--device', 'none');
    for (const { child } of programs) child.kill('SIGUSR1');
    await plainNodeOpensIts();
    assert.is(await hasInspector(), false);
    for (const { stderr } of programs) assert.not.match(stderr, /[Dd]ebugger/);
  } finally {
    for (const { child, done } of programs.reverse()) {
      child.kill('SIGTERM');
      await done;
    }
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a class with a parent that is only there comes back, and fails when it is used', async () => {
  await rig.e0.execute(
    'class Base {}; class Derived extends Base { x() { return 1; } }; class Sealed { static { globalThis.ran = 1; } x() { return 2; } }',
  );
  const [derived, sealed, held] = (await rig.e0.pull(['Derived', 'Sealed', '({ Derived })'])) as [
    new () => unknown,
    new () => { x(): number },
    { Derived: unknown },
  ];
  assert.equal([typeof derived, derived.name, typeof held.Derived], ['function', 'Derived', 'function']);
  assert.throws(() => new derived(), /Base is not defined/);
  assert.is((globalThis as { ran?: 1 }).ran, undefined);
  assert.is(await rig.e0.apply((Class: typeof sealed) => new Class().x(), sealed as never), 2);
  assert.is(new sealed().x(), 2);
  assert.is((globalThis as { ran?: 1 }).ran, 1, 'its user ran it');
});

test.run();
