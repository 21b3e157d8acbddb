// Results and requests when the link is slow or the engine dies: nothing changes on the way, nothing stays.
import * as assert from 'uvu/assert';
import { isAlive, until } from '../../support/cluster.ts';
import { MIB, withScene } from '../../support/faults/scene.ts';
import { suite } from '../../support/suite.ts';

const test = suite('chaos/delivery');
type Space = { big: Float32Array };

for (const transport of ['zeromq', 'unix'])
  test(`${transport}: the next task cannot change a large result that is still on its way`, () =>
    withScene(
      1,
      async ({ rc, network }) => {
        const e0 = rc.view(0);
        await e0.apply((n: number) => {
          (globalThis as unknown as Space).big = new Float32Array(n).fill(1);
        }, 8 * MIB);
        network(0).down.set({ rate: 20_000_000 });
        const first = e0.apply(() => (globalThis as unknown as Space).big);
        const second = e0.apply(() => {
          (globalThis as unknown as Space).big.fill(2);
        });
        const value = (await first) as Float32Array;
        assert.equal([...new Set(value)], [1]);
        await second;
      },
      { transport },
    ));

test('processes that a task has started end with the engine', () =>
  withScene(1, async ({ rc, killer }) => {
    const pid = (await rc
      .view(0)
      .apply(() => process.getBuiltinModule('node:child_process').spawn('sleep', ['600']).pid)) as number;
    assert.ok(isAlive(pid));
    await killer.kill(0);
    await until('the end of its child', () => !isAlive(pid));
  }));

test.run();
