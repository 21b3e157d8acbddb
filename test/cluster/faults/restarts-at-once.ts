// Two clients that ask the cluster for things that exclude each other.
import * as assert from 'uvu/assert';
import { ClusterError, ConnectionError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/restarts-at-once');
let rig: Rig;

test.before(async () => {
  rig = await startRig(2);
});
test.after(() => rig.stop());

test('two restarts at once leave as many engines as there were, and each can be restarted again', async () => {
  const other = await rig.cluster.connect();
  await Promise.all([rig.rc.restart(), other.restart(), rig.cluster.restart([1])]);
  assert.equal(
    rig.cluster.engines.map(({ id }) => id),
    [0, 1],
  );
  assert.equal(
    [rig.rc.ids, other.ids],
    [
      [0, 1],
      [0, 1],
    ],
  );
  assert.equal(await other.view('all').apply(() => engine.id), [0, 1]);
  await other.close();
});

test('a restart and a shutdown at once: whichever was asked for last has its way', async () => {
  const [two] = await rig.cluster.add(1);
  const ends = await Promise.allSettled([rig.cluster.restart([two as number]), rig.cluster.shutdown([two as number])]);
  assert.equal(
    ends.map(({ status }) => status),
    ['fulfilled', 'fulfilled'],
  );
  assert.equal(
    rig.cluster.engines.map(({ id }) => id),
    [0, 1],
  );
  const [three] = await rig.cluster.add(1);
  const [shut, restarted] = await Promise.allSettled([
    rig.cluster.shutdown([three as number]),
    rig.cluster.restart([three as number]),
  ]);
  assert.is(shut.status, 'fulfilled');
  assert.ok(restarted.status === 'rejected' && restarted.reason instanceof ClusterError);
  assert.equal(
    rig.cluster.engines.map(({ id }) => id),
    [0, 1],
  );
});

test('requests that are under way when their client is closed fail', async () => {
  const other = await rig.cluster.connect();
  const asked = [other.restart([0]), other.addEngines(1)];
  const failures = asked.map((wait) => rejects(() => wait, ConnectionError));
  await other.close();
  await Promise.all(failures);
  await rig.rc.waitForEngines(3, { timeout: 20_000 });
});

declare const engine: { readonly id: number };

test.run();
