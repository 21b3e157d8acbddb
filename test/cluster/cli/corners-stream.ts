// The stream of a batch: every job ends once, also while the caller is slow, and few are under way at a time.
import * as assert from 'uvu/assert';
import { streamJobs } from '../../../src/batch/run/stream.ts';
import { RemoteError } from '../../../src/errors.ts';
import { type Rig, sleep, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cli corners: stream');
let rig: Rig;
test.before(async () => {
  rig = await startRig(2);
});
test.after(() => rig.stop());

const jobs = (n: number) => Array.from({ length: n }, (_, i) => i);
const half = (i: number) => {
  if (i % 5 === 3) throw new RangeError(`not ${i}`);
  return i / 2;
};

test('every job comes back once, values and errors, to a caller that takes its time', async () => {
  const seen = new Map<number, unknown>();
  for await (const end of streamJobs(rig.rc, half, jobs(23))) {
    seen.set(seen.size, end instanceof RemoteError ? end.message : end);
    await sleep(5);
  }
  assert.is(seen.size, 23);
  assert.is(seen.get(4), 2);
  assert.match(String(seen.get(3)), /not 3/);
});

test('jobs are read no faster than results are taken, and finished tasks are not kept', async () => {
  let read = 0;
  const endless = (function* () {
    for (;;) yield read++;
  })();
  const before = rig.rc.history.length;
  let taken = 0;
  for await (const x of streamJobs(rig.rc, (x: number) => x, endless, { ahead: 2 })) {
    assert.is(x, taken++);
    assert.ok(read - taken <= 5, `${read} read, ${taken} taken`);
    if (taken === 50) break;
  }
  assert.ok(rig.rc.history.length - before <= 5);
});

test('an engine that dies fails the job that it was on, and no other', async () => {
  const work = async (i: number) => {
    if (i === 5) process.kill(process.pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 20));
    return i;
  };
  const lost: [number, string][] = [];
  let [job, done] = [0, 0];
  for await (const end of streamJobs(rig.rc, work, jobs(12))) {
    if (end instanceof RemoteError) lost.push([job, end.name]);
    else done++;
    job++;
  }
  assert.equal([done, lost], [11, [[5, 'EngineError']]]);
  assert.is(rig.rc.length, 1);
});

test('without engines every job says so', async () => {
  const end = () => process.kill(process.pid, 'SIGKILL');
  for (const view of [...rig.rc]) await view.apply(end).catch(() => {});
  await until('the engines to be gone', () => rig.rc.length === 0);
  const ends: string[] = [];
  for await (const end of streamJobs(rig.rc, half, jobs(3))) if (end instanceof RemoteError) ends.push(end.ename);
  assert.equal(ends, ['NoEnginesRegistered', 'NoEnginesRegistered', 'NoEnginesRegistered']);
});

test.run();
