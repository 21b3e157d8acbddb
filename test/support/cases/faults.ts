// Cases 36 and 38 of the semantics page: engines that die and engines that join. Each has a cluster of its own.
import * as assert from 'uvu/assert';
import { CompositeError, EngineError } from '../../../src/errors.ts';
import type { DeviceChoice } from '../../../src/protocol/engine-options.ts';
import { rejects } from '../assert.ts';
import { until, untilRunning, withRig } from '../cluster.ts';
import type { Suite } from '../suite.ts';

const nap = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export function membershipCases(test: Suite, device: DeviceChoice): void {
  test('case 36: an engine killed during a two-target call is an EngineError, its id is gone', () =>
    withRig(
      2,
      async ({ rc, v }) => {
        const call = v.apply(nap, 60_000);
        await untilRunning(rc, [0, 1]);
        process.kill(rc.engine(1)?.pid as number, 'SIGKILL');
        await until('engine 1 to leave', () => !rc.ids.includes(1), 5000);
        await rc.interrupt(0);
        const error = await rejects(() => call.get(), CompositeError);
        assert.instance(error.errors[1], EngineError);
        assert.is(await rc.view(0).apply(() => 'alive'), 'alive');
      },
      { device },
    ));

  test('case 36, load balanced: the task of a killed engine is an EngineError, or runs elsewhere with retries', () =>
    withRig(
      2,
      async ({ rc }) => {
        const lost = rc.loadBalanced([1]).apply(nap, 60_000);
        await untilRunning(rc, [1]);
        process.kill(rc.engine(1)?.pid as number, 'SIGKILL');
        await rejects(() => lost.get(), EngineError, /Engine 1 died/);
        assert.equal(rc.ids, [0]);
        assert.is(
          await rc
            .loadBalanced()
            .with({ retries: 1 })
            .apply(() => 'ran'),
          'ran',
        );
      },
      { device },
    ));

  test("case 38: a view on 'all' sees engines added later, a frozen one does not", () =>
    withRig(
      1,
      async ({ cluster, rc, v }) => {
        const all = rc.view('all');
        await cluster.add(1);
        await rc.waitForEngines(2, { timeout: 10_000 });
        assert.equal(await all.apply(() => 1), [1, 1]);
        assert.equal(await v.apply(() => 1), [1]);
      },
      { device },
    ));
}
