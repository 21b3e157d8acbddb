// A busy engine answers what can be answered, and says what it is busy with.
import * as assert from 'uvu/assert';
import { CompositeError, TaskTimeout } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/busy');
let rig: Rig;
test.before(async () => {
  rig = await startRig(2, { device: 'cpu' });
});
test.after(() => rig.stop());

test('memory of an engine that computes, or awaits, says what runs; status answers', async () => {
  const { rc, e0 } = rig;
  const endless = e0.apply(() => {
    for (;;);
  });
  const error = await rejects(() => e0.memory(), TaskTimeout, /engine 0 is busy: it runs apply, task '.*MB/);
  assert.match(error.message, endless.msgIds[0] as string);
  const mixed = await rejects(() => rc.view('all').memory(), CompositeError, /engine 0 is busy/);
  assert.is(mixed.errors.length, 1, 'the other engine answered');
  assert.is((await rc.status()).get(0)?.running, endless.msgIds[0]);
  await rc.interrupt();
  await endless.catch(() => {});
  const waiting = e0.apply(() => new Promise(() => {}));
  await rejects(() => e0.memory(), TaskTimeout, /engine 0 is busy/);
  await rc.interrupt();
  await waiting.catch(() => {});
  assert.ok((await e0.memory()).rss > 0, 'it is free again');
  assert.equal((await rc.queueStatus(0)).queue, 0, 'nothing is left in its queue');
});

test('memory waits for short tasks, and as long as it is told to', async () => {
  const { e0 } = rig;
  const nap = () => {
    const end = Date.now() + 20;
    while (Date.now() < end);
  };
  for (let i = 0; i < 40; i++) e0.apply(nap);
  e0.push({ last: new Float64Array(1000) });
  assert.is((await e0.memory()).names['last'], 8000);
  e0.apply(() => {
    const end = Date.now() + 1500;
    while (Date.now() < end);
  });
  assert.ok((await e0.memory({ timeout: Number.POSITIVE_INFINITY })).rss > 0);
});

test.run();
