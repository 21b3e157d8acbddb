// Two clients of one engine: the flood of one does not starve the other.
import * as assert from 'uvu/assert';
import { TaskInterrupted } from '../../../src/errors.ts';
import { range } from '../../../src/tensor/convert.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, sleep, startRig, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/fair-clients');
/** With the other tasks fewer than a status lists (the newest 4096). */
const FLOOD = 4000;
let rig: Rig;
test.before(async () => {
  rig = await startRig(1);
});
test.after(() => rig.stop());

test('a flood of 4,000 tasks: another client gets every second turn; both keep their order; status is right', async () => {
  const other = await rig.cluster.connect();
  await rig.e0.execute('var order = []; var flood = 0');
  /** How many tasks of the flood have run before this one. */
  const noted = (n: number) => {
    const { order, flood } = globalThis as unknown as { order: number[]; flood: number };
    order.push(n);
    return flood;
  };
  const counted = () => void (globalThis as unknown as { flood: number }).flood++;
  const hold = rig.e0.apply(() => new Promise(() => {}));
  await untilRunning(rig.rc, [0]);
  const flood = Array.from({ length: FLOOD }, () => rig.e0.apply(counted));
  const theirs = range(50).map((n) => other.view(0).apply(noted, n));
  const waiting = async () => (await rig.rc.status(0)).get(0)?.queue ?? [];
  const ids = theirs.map(({ msgIds }) => msgIds[0] as string);
  while (!(await waiting()).includes(ids.at(-1) as string)) await sleep(20);
  const held = rejects(() => hold.get(), TaskInterrupted);
  await rig.rc.interrupt(0, { ids: [hold.msgIds[0] as string] });
  await held;
  const before = (await Promise.all(theirs)) as number[];
  assert.ok(Math.max(...before) <= 100, `the other client waited for ${Math.max(...before)} tasks`);
  assert.ok(!(await waiting()).some((id) => ids.includes(id)), 'what has run does not wait');
  assert.equal(await other.view(0).pull('order'), range(50));
  await Promise.all(flood);
  assert.is(await rig.e0.pull('flood'), FLOOD);
  await other.close();
});

test('calls on several engines keep their order among each other, so that collectives never wait crosswise', async () => {
  await rig.cluster.add(1);
  await rig.rc.waitForEngines(2);
  const other = await rig.cluster.connect();
  const sum = async () => engine.allReduce(1);
  const hold = rig.rc.view(':').apply(() => new Promise((resolve) => setTimeout(resolve, 1500)));
  await untilRunning(rig.rc, [0, 1]);
  const ours = range(50).map(() => rig.rc.view(':').apply(sum).get({ timeout: 30_000 }));
  const queued = async () => [...(await rig.rc.status()).values()].map(({ queue }) => queue.length);
  while ((await queued()).some((length) => length < 50)) await sleep(5);
  const theirs = range(50).map(() => other.view(':').apply(sum).get({ timeout: 30_000 }));
  // Each engine gets other single tasks between them.
  const alone = range(100).map((n) => other.view(n % 2).apply(() => 1));
  await hold;
  for (const result of await Promise.all([...ours, ...theirs])) assert.equal(result, [2, 2]);
  await Promise.all(alone);
  await other.close();
});

declare const engine: { allReduce(value: number): Promise<number> };

test.run();
