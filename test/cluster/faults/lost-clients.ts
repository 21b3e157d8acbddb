// Clients that die release what they had on shared engines; clients that live, or said goodbye, do not. Engines that died
// come back under their ids.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { ClusterError, EngineError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, sleep, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/lost-clients');
const CLIENT = fileURLToPath(new URL('../../fixtures/vanishing-client.js', import.meta.url));
let rig: Rig;

test.before(async () => {
  rig = await startRig(2);
});
test.after(() => rig.stop());

async function client(how = 'stay', engine = 0): Promise<ChildProcess> {
  const child = fork(CLIENT, [rig.cluster.file, how, String(engine)]);
  await once(child, 'message');
  return child;
}

async function running(): Promise<string | null> {
  return (await rig.rc.status(0)).get(0)?.running ?? null;
}

for (const signal of ['SIGTERM', 'SIGKILL', 'SIGHUP'] as const) {
  test(`a client killed by ${signal} releases its endless task and the one behind it`, async () => {
    const before = rig.rc.engine(0)?.uuid;
    const child = await client();
    const ours = rig.e0.apply(() => 5);
    child.kill(signal);
    assert.is(await ours, 5);
    assert.is(rig.rc.engine(0)?.uuid, before, 'the task behind it never ran');
  });
}

test('a client that is only stopped keeps its task', async () => {
  const child = await client();
  child.kill('SIGSTOP');
  // The length of the stop is the subject: heartbeats come every 5 s.
  await sleep(8000);
  assert.is.not(await running(), null);
  child.kill('SIGKILL');
  assert.is(await rig.e0.apply(() => 5), 5);
});

test('a client that said goodbye keeps its task, also when it ends', async () => {
  const child = await client('close');
  const other = await client('stay', 1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  // By the time that a client which ended later has been noticed, this one would have been, too.
  other.kill('SIGKILL');
  assert.is(await rig.rc.view(1).apply(() => 5), 5);
  assert.is.not(await running(), null);
  await rig.rc.restart(0);
});

test('an engine that died comes back under its id', async () => {
  for (const restart of [() => rig.cluster.restart(1), () => rig.rc.restart(1), () => rig.rc.restart([0, 1])]) {
    await rejects(
      () =>
        rig.rc
          .view(1)
          .apply(() => process.exit(3))
          .get(),
      EngineError,
      /code 3/,
    );
    await until('engine 1 to leave', () => !rig.rc.ids.includes(1));
    await restart();
    assert.equal(rig.rc.ids, [0, 1]);
    assert.is(await rig.rc.view(1).apply(() => 'back'), 'back');
  }
  await rejects(
    () =>
      rig.rc
        .view(1)
        .apply(() => process.exit(3))
        .get(),
    EngineError,
    /code 3/,
  );
  await rig.cluster.restart();
  assert.equal(rig.rc.ids, [0, 1]);
});

test('restart refuses ids that the cluster does not have', async () => {
  await rejects(() => rig.cluster.restart(7), ClusterError, /engine 7 is not a running process of this cluster/);
  await rejects(() => rig.rc.restart(7), RangeError, /No such engine: 7/);
  await rig.rc.restart(-1);
  assert.equal(rig.rc.ids, [0, 1]);
});

test.run();
