// `cluster.scale`: engines come and go while tasks run, and no task is lost.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { ClusterEvent } from '../../../src/cluster/start-options.ts';
import { AbortError, ClusterError, RemoteError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('elastic/scale');
const folder = temporaryFolder('dv-scale-');
const events: ClusterEvent[] = [];
let rig: Rig;
let gates = 0;

test.before(async () => {
  rig = await startRig(1, { device: 'none', onEvent: (event) => events.push(event) });
});
test.after(async () => {
  await rig.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A task that runs until its gate is opened, and gives its engine. */
const waiting = async (gate: string): Promise<number> => {
  const { existsSync } = await import('node:fs');
  while (!existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 10));
  return engine.id;
};
const newGate = () => join(folder, `gate-${gates++}`);
const open = (gate: string) => writeFileSync(gate, '');
/** Engines have heard what the controller told them before: their control threads have answered since, more than once. */
const told = async () => {
  for (let i = 0; i < 3; i++) await rig.rc.status();
};
const draining = () => events.flatMap((event) => (event.type === 'engine-draining' ? [event.id] : []));
const pidOf = (id: number) => rig.rc.engine(id)?.pid as number;

test('more: views of all engines follow, those that name ids do not', async () => {
  const [all, one] = [rig.rc.view('all'), rig.rc.view(':')];
  assert.equal(await rig.cluster.scale(3), [0, 1, 2]);
  assert.equal(await all.apply(() => engine.id), [0, 1, 2]);
  assert.equal(await one.apply(() => engine.id), [0]);
  assert.equal(
    events.filter((event) => event.type === 'scale'),
    [{ type: 'scale', from: 1, to: 3, why: undefined }],
  );
});

test('as many as there are: nothing changes', async () => {
  events.length = 0;
  assert.equal(await rig.cluster.scale(3), [0, 1, 2]);
  assert.equal(events, []);
});

test('fewer: idle engines end first, of those the newest; the others keep their names', async () => {
  const gate = newGate();
  await rig.rc.view('all').push({ mine: 5 });
  const busy = rig.rc.view([0, 2]).apply(waiting, gate);
  await untilRunning(rig.rc, [0, 2]);
  assert.equal(await rig.cluster.scale(2), [0, 2]);
  open(gate);
  assert.equal(await busy, [0, 2]);
  assert.equal(await rig.rc.view('all').pull('mine'), [5, 5]);
  const down = events.find((event) => event.type === 'engine-down');
  assert.match(JSON.stringify(down), /"id":1,.*was shut down: the cluster was scaled to 2/);
  assert.throws(() => rig.rc.view(1), /No such engine: 1/);
  await rejects(() => rig.cluster.restart(1), ClusterError, /engine 1 is not a running process/);
});

test('busy engines end when their tasks have ended, and get no new ones', async () => {
  events.length = 0;
  const gate = newGate();
  const lview = rig.rc.loadBalanced();
  const first = lview.map(waiting, [gate, gate]);
  await untilRunning(rig.rc, [0, 2]);
  const scaling = rig.cluster.scale(1);
  await until('a draining engine', () => draining().length === 1);
  const [leaver] = draining();
  const later = lview.map(() => engine.id, [1, 2, 3, 4, 5]);
  open(gate);
  assert.equal([...(await first)].sort(), [0, 2]);
  const [stays] = await scaling;
  assert.equal(await later, Array(5).fill(stays));
  assert.not(stays === leaver);
  assert.equal(rig.rc.ids, [stays]);
});

test('tasks that wait behind a running one on an engine that ends are given to others', async () => {
  await rig.cluster.scale(2);
  events.length = 0;
  const gate = newGate();
  const all = rig.rc.loadBalanced('all', { hwm: 0 }).map(waiting, Array(8).fill(gate));
  await untilRunning(rig.rc, rig.rc.ids);
  const scaling = rig.cluster.scale(1);
  await until('a draining engine', () => draining().length === 1);
  const [leaver] = draining();
  const queued = async () => (await rig.rc.queueStatus(leaver as number)).queue;
  while ((await queued()) > 0);
  open(gate);
  const ids = await all;
  await scaling;
  assert.is(ids.length, 8);
  assert.is(ids.filter((id) => id === leaver).length, 1);
});

test('an abort: those that have not ended stay, and get work again', async () => {
  await rig.cluster.scale(2);
  const ids = rig.rc.ids;
  const gate = newGate();
  const busy = rig.rc.view('all').apply(waiting, gate);
  await untilRunning(rig.rc, ids);
  events.length = 0;
  const abort = new AbortController();
  const scaling = rig.cluster.scale(0, abort.signal);
  await until('two draining engines', () => draining().length === 2);
  abort.abort(new Error('enough'));
  const error = await rejects(() => scaling, AbortError, /scale\(0\) was aborted/);
  assert.match(String((error.cause as Error).message), /enough/);
  await told();
  open(gate);
  await busy;
  const used = await rig.rc
    .loadBalanced('all', { hwm: 1 })
    .map(() => new Promise<number>((r) => setTimeout(r, 20, engine.id)), Array(10).fill(0));
  assert.equal([...new Set(used)].sort(), ids);
  await rejects(() => rig.cluster.scale(3, AbortSignal.abort()), AbortError);
  assert.equal(rig.rc.ids, ids);
});

test('a later call takes over: engines that were about to end stay', async () => {
  const ids = rig.rc.ids;
  const pids = ids.map(pidOf);
  const gate = newGate();
  const busy = rig.rc.view('all').apply(waiting, gate);
  await untilRunning(rig.rc, ids);
  events.length = 0;
  const fewer = rig.cluster.scale(1);
  await until('a draining engine', () => draining().length === 1);
  const same = rig.cluster.scale(2);
  await rejects(() => fewer, AbortError, /scale\(1\) gave way to a later change/);
  assert.equal(await same, ids);
  await told();
  open(gate);
  assert.equal(await busy, ids);
  assert.equal(ids.map(pidOf), pids);
});

test('an abort while engines start: they are given up', async () => {
  const ids = rig.rc.ids;
  const abort = new AbortController();
  const scaling = rig.cluster.scale(4, abort.signal);
  abort.abort();
  await rejects(() => scaling, AbortError);
  assert.equal(await rig.cluster.scale(2), ids);
});

test('an engine that has died comes back under its id', async () => {
  const ids = rig.rc.ids;
  const lost = ids[0] as number;
  rig.cluster.signal('SIGKILL', lost);
  await until('its end', () => !rig.rc.ids.includes(lost));
  assert.equal(await rig.cluster.scale(2), ids);
  assert.equal(await rig.rc.view('all').apply(() => engine.id), ids);
});

test('an engine that cannot start: the call says so, the others stay, and a later call tries again', async () => {
  const ids = rig.rc.ids;
  process.env['DIRECTVIEW_ENGINE'] = join(folder, 'missing.js');
  try {
    await rejects(
      () => rig.cluster.scale(3),
      ClusterError,
      /engine \d+ exited with code 1 before it was ready; it wrote:/,
    );
  } finally {
    delete process.env['DIRECTVIEW_ENGINE'];
  }
  assert.equal(rig.rc.ids, ids);
  assert.is((await rig.cluster.scale(3)).length, 3);
});

test('an engine that is killed while it ends: its task fails with the signal, and nobody restarts it', async () => {
  const ids = rig.rc.ids;
  const gate = newGate();
  const ends = Promise.allSettled(ids.map((id) => rig.rc.view(id).apply(waiting, gate)));
  await untilRunning(rig.rc, ids);
  events.length = 0;
  const scaling = rig.cluster.scale(2);
  await until('a draining engine', () => draining().length === 1);
  const [leaver] = draining() as [number];
  rig.cluster.signal('SIGKILL', leaver);
  const left = await scaling;
  assert.equal(
    left,
    ids.filter((id) => id !== leaver),
  );
  open(gate);
  const failed = (await ends).flatMap((end) => (end.status === 'rejected' ? [String(end.reason)] : []));
  assert.is(failed.length, 1);
  assert.match(failed[0] as string, /was killed by SIGKILL/);
});

test('clients may ask, and wrong numbers are refused', async () => {
  await rig.rc.scaleCluster(1);
  await until('one engine', () => rig.rc.length === 1);
  await rejects(() => rig.cluster.scale(1e8), RangeError, /from 1 to 16384|at most 16384/);
  await rejects(() => rig.cluster.scale(-1), RangeError);
  await rejects(() => rig.cluster.scale(1.5), RangeError);
  await rejects(() => rig.rc.scaleCluster(1e8), RangeError);
});

test('none at all, and back', async () => {
  assert.equal(await rig.cluster.scale(0), []);
  const ids = await rig.cluster.scale(1);
  assert.equal(await rig.rc.view('all').apply(() => engine.id), ids);
});

test('a cluster that stops while it is scaled says so', async () => {
  const other = await startRig(1, { device: 'none' });
  const gate = newGate();
  const busy = other.rc.view(0).apply(waiting, gate);
  busy.catch((error: unknown) => assert.instance(error, RemoteError));
  await untilRunning(other.rc, [0]);
  const scaling = other.cluster.scale(0);
  const failed = rejects(() => scaling, ClusterError, /stopped/);
  await other.stop();
  await failed;
  await rejects(() => other.cluster.scale(1), ClusterError, /the cluster is stopped/);
});

declare const engine: { readonly id: number };

test.run();
