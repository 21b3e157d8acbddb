// Cases 5, 7, 10, 19 to 21 and 39 of the semantics page, and what a client knows of its jobs: queues, history, results.
import * as assert from 'uvu/assert';
import type { EngineQueue } from '../../../src/client/jobs/queue-status.ts';
import { AsyncResult } from '../../../src/client/results/async-result.ts';
import { CompositeError, RemoteError, TaskAborted, TaskInterrupted } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects, throws } from '../assert.ts';
import { type Rig, untilRunning, withRig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

const nap = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export function jobCases(test: Suite, rig: () => Rig): void {
  test('case 5: the keys of byEngine are the ids, in any order of targets', async () => {
    const { rc } = rig();
    const byEngine = await rc
      .view([2, 0, 3, 1])
      .apply(() => 1)
      .byEngine();
    assert.equal([...byEngine.keys()].sort(), rc.ids);
  });

  test('case 7: byEngine fails when several tasks ran on one engine', async () => {
    const { rc } = rig();
    const lview = rc.loadBalanced();
    const all = AsyncResult.join(...range(2 * rc.length).map(() => lview.apply(() => 1)));
    await rejects(() => all.byEngine(), RangeError, /^Cannot build dict, \d jobs ran on engine #\d$/);
  });

  test('case 10: unknown keys of metadata are not there, before and after', async () => {
    const ar = rig().v.apply(nap, 30);
    const keys = () => (ar.metadata as object[]).map((m) => 'nope' in m);
    assert.equal(keys(), [false, false, false, false]);
    await ar;
    assert.equal(keys(), [false, false, false, false]);
    assert.is(rig().rc['nope' as never], undefined);
    throws(() => rig().rc.view('nope'), TypeError, /key by int\/slice/);
  });

  test('case 19: split gives a child per message; joined they equal the parent', async () => {
    const ar = rig().v.apply((x: number) => [x, 2 * x], 21);
    const children = ar.split();
    assert.equal(
      children.map((child) => child.msgIds.length),
      [1, 1, 1, 1],
    );
    assert.equal(
      children.flatMap((child) => child.msgIds),
      ar.msgIds,
    );
    assert.equal(await AsyncResult.join(...children), await ar);
  });

  test('case 20: FIRST_EXCEPTION with rank 0 failing at once: done holds exactly the first', async () => {
    const ar = rig().v.apply(async () => {
      if ((globalThis as unknown as { engine: { rank: number } }).engine.rank === 0) throw new Error('at once');
      await new Promise((resolve) => setTimeout(resolve, 1000));
    });
    const { done, pending } = await ar.wait(5000, { returnWhen: 'FIRST_EXCEPTION' });
    assert.equal([...done], ar.msgIds.slice(0, 1));
    assert.equal([...pending], ar.msgIds.slice(1));
    await rejects(() => ar.get(), CompositeError, /at once/);
  });

  test('case 21: progress runs from 0 to the length', async () => {
    const { rc } = rig();
    const ar = rc.loadBalanced().map(
      nap,
      range(2 * rc.length).map((i) => 20 + 5 * i),
    );
    const seen = [ar.progress];
    while (!(await ar.wait(10))) seen.push(ar.progress);
    seen.push(ar.progress);
    assert.is(seen[0], 0);
    assert.is(seen.at(-1), ar.length);
    assert.ok(seen.every((n, i) => i === 0 || n >= (seen[i - 1] as number)));
  });

  test('case 39: queueStatus has its shape', async () => {
    const { rc, v, e0 } = rig();
    await v.apply(() => 1);
    const sleeper = e0.apply(nap, 1000);
    const queued = e0.apply(() => 1);
    let status: EngineQueue<number> = await rc.queueStatus(0);
    // Both messages are sent at once, but take their time, and so does the start of the first.
    while (!(status.queue === 1 && status.tasks === 1)) status = await rc.queueStatus(0);
    assert.equal(Object.keys(status).sort(), ['completed', 'queue', 'tasks']);
    assert.is(status.queue, 1);
    assert.is(status.tasks, 1);
    const verbose = await rc.queueStatus(0, { verbose: true });
    assert.equal(verbose.queue, queued.msgIds);
    assert.equal(verbose.tasks, sleeper.msgIds);
    const all = await rc.queueStatus();
    assert.equal(Object.keys(all).sort(), ['0', '1', '2', '3', 'unassigned']);
    assert.is(all.unassigned, 0);
    assert.is((await e0.queueStatus()).queue, 1);
    assert.equal(Object.keys(await rc.view([1, 2]).queueStatus()).sort(), ['1', '2', 'unassigned']);
    await rejects(() => rc.queueStatus(99), RangeError, /No such engine: 99/);
    await Promise.all([sleeper, queued]);
    assert.ok((await rc.queueStatus(0)).completed >= status.completed + 2);
  });

  test('case 39: an interrupt ends a sleep', async () => {
    const { e0 } = rig();
    const sleeper = e0.apply(nap, 60_000);
    let running = 0;
    while (running === 0) running = (await e0.queueStatus()).tasks;
    await e0.interrupt();
    await rejects(() => sleeper.get({ timeout: 10_000 }), TaskInterrupted, /engine 0/);
    assert.is(await e0.apply(() => 5), 5);
  });

  test('case 39: shut one id down: indexing it fails', () =>
    withRig(3, async ({ rc }) => {
      await rc[1].shutdown();
      assert.equal(rc.ids, [0, 2]);
      throws(() => rc[1], RangeError, /No such engine: 1/);
      assert.equal(await rc.view('all').apply(() => 1), [1, 1]);
    }));

  test('history, outstanding, results and metadata by message id; results again by id and place', async () => {
    const { rc, e0, v } = rig();
    const ar = e0.apply((x: number) => x + 1, 41);
    const [id] = ar.msgIds as [string];
    assert.is(rc.history.at(-1), id);
    assert.ok(rc.outstanding.has(id));
    assert.is(await rc.wait(), true);
    assert.not(rc.outstanding.has(id));
    assert.is(rc.results.get(id), 42);
    assert.is(rc.metadata.get(id)?.status, 'ok');
    assert.is(await rc.getResult(id), 42);
    assert.is(await rc.getResult(), 42);
    assert.is(await e0.getResult(), 42);
    assert.equal(await rc.getResult([id, id]), [42, 42]);
    throws(() => rc.getResult(1e6), RangeError, /No such job/);
    const failed = v.apply(() => {
      throw new Error('kept');
    });
    assert.is(await rc.wait(failed), true);
    await rejects(() => rc.getResult(failed.msgIds[2] as string), RemoteError, /kept/);
    const slow = e0.apply(nap, 200);
    assert.is(await rc.wait(slow, 0), false);
    assert.is(await e0.wait(), true);
  });

  test('a view aborts and waits for what is on its engines only', async () => {
    const { v, e0, rc } = rig();
    const sleepers = v.apply(nap, 1000);
    const queued = v.apply(() => 'ran');
    await untilRunning(rc, [1]);
    await rc[1].abort();
    assert.is(await v.wait(), true);
    const ends = await queued.get({ returnErrors: true });
    assert.equal(
      ends.map((end) => (end instanceof TaskAborted ? 'aborted' : end)),
      ['ran', 'aborted', 'ran', 'ran'],
    );
    await sleepers;
    const more = v.apply(nap, 50);
    const last = v.apply(() => 'ran');
    await rc.abort(last, { targets: [2, 3] });
    const which = await last.get({ returnErrors: true });
    assert.equal(
      which.map((end) => end instanceof TaskAborted),
      [false, false, true, true],
    );
    await more;
    assert.equal([...e0.outstanding], []);
  });

  test('another client gets a result by its message id: kept, or of a task that still runs', async () => {
    const { cluster, rc, v } = rig();
    await using other = await cluster.connect();
    const kept = rc.view(2).apply(() => ({ from: 'the first client', big: new Float64Array(5000).fill(2) }));
    await kept;
    const again = (await other.getResult(kept.msgIds[0] as string)) as { from: string; big: Float64Array };
    assert.is(again.from, 'the first client');
    assert.is(again.big.length, 5000);
    const running = v.apply(async () => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      return 'late';
    });
    // The engine answers for tasks that have reached it, and the two clients' messages may overtake each other.
    await untilRunning(rc, [3]);
    const foreign = other.getResult(running.msgIds[3] as string);
    assert.is(await foreign, 'late');
    assert.is(foreign.engineId, 3);
    assert.equal(await running, ['late', 'late', 'late', 'late'], 'the first client gets its own');
    await rejects(
      () => other.getResult('nobody:7').get(),
      RemoteError,
      /ResultLost: no engine holds .+ \(asked: [\d, ]+\): .+ of an engine that has ended/,
    );
  });

  test('purge frees what has ended, here and on the engines; not what is outstanding', async () => {
    const { cluster, rc, v, e0 } = rig();
    await using other = await cluster.connect();
    const ar = v.apply(() => 'x');
    await ar;
    const slow = e0.apply(nap, 200);
    await rejects(() => rc.purge([ar, slow]), Error, /is outstanding: wait for it, or abort it/);
    assert.is(await other.getResult(ar.msgIds[1] as string), 'x', 'nothing was freed');
    await rc.purge(ar);
    assert.equal(
      ar.msgIds.map((id) => rc.results.has(id)),
      [false, false, false, false],
    );
    await rejects(() => other.getResult(ar.msgIds[1] as string).get(), RemoteError, /ResultLost/);
    assert.equal(await ar, ['x', 'x', 'x', 'x'], 'a result that is held stays readable');
    await slow;
    await rc.purge('all');
    assert.equal(rc.history, []);
    await v.apply(() => 1);
    const held = await rc.queueStatus(1, { verbose: true });
    assert.equal(
      held.completed.filter((id) => id.startsWith(rc.uuid)).length,
      1,
      'only the result of the call after the purge',
    );
    await v.purge();
    assert.equal(rc.history, []);
  });
}
