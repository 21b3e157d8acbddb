// A loop that a task has left behind: no task runs, and none can start.
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { EngineError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/blocked-engine');
const told: string[] = [];
let rig: Rig;

test.before(async () => {
  rig = await startRig(1, { onEvent: (event) => told.push(event.type) });
});
test.after(() => rig.stop());

const BLOCKED = /died before .* \(was blocked by code that a task left behind\)/;

/** Ways to leave a loop behind. Each task returns at once. */
const WAYS: Record<string, () => unknown> = {
  'a timer': () => {
    setTimeout(() => {
      for (;;);
    });
  },
  'an immediate': () => {
    setImmediate(() => {
      for (;;);
    });
  },
  'an interval': () => {
    setInterval(() => {
      for (;;);
    }, 5);
  },
  'a promise': () => {
    void new Promise((resolve) => setTimeout(resolve, 5)).then(() => {
      for (;;);
    });
  },
  'endless microtasks': () => {
    setTimeout(async () => {
      for (;;) await null;
    });
  },
  'a callback of fs': () => {
    process.getBuiltinModule('node:fs').stat('/', () => {
      for (;;);
    });
  },
  'a wait for memory': () => {
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  },
};

function events(rc: Client): string[] {
  const reasons: string[] = [];
  rc.onEvent((event) => {
    if (event.type === 'engine-blocked') reasons.push(event.reason);
  });
  return reasons;
}

for (const [what, leave] of Object.entries(WAYS)) {
  test(`left in ${what}: the client is told, and an interrupt replaces the engine`, async () => {
    const reasons = events(rig.rc);
    await rig.e0.apply(leave);
    await until('the event', () => reasons.length > 0);
    const waiting = rejects(() => rig.e0.apply(() => 5), EngineError, BLOCKED);
    assert.match(reasons[0] ?? '', /^is blocked by code that a task left behind: for 3\d\d\d ms/);
    assert.ok(told.includes('engine-blocked'));
    const status = (await rig.rc.status(0)).get(0);
    assert.ok((status?.blockedMs ?? 0) >= 3000, 'status says it');
    assert.is(status?.running, null);
    await rig.rc.interrupt(0);
    await waiting;
    assert.is(await rig.e0.apply(() => 5), 5);
    assert.is((await rig.rc.status(0)).get(0)?.blockedMs, undefined);
  });
}

test('the time to run of a task that waits counts from then on; also of one that is sent later, by a later client', async () => {
  await rig.e0.apply(WAYS['an immediate'] as () => void);
  await rejects(() => rig.e0.with({ runTimeout: 500 }).apply(() => 5), EngineError, BLOCKED);
  await rig.rc.waitForEngines(1);
  const reasons = events(rig.rc);
  await rig.e0.apply(WAYS['a timer'] as () => void);
  await until('the event', () => reasons.length > 0);
  const other = await rig.cluster.connect();
  await rejects(
    () =>
      other
        .view(0)
        .with({ runTimeout: 100 })
        .apply(() => 5),
    EngineError,
    BLOCKED,
  );
  await other.waitForEngines(1);
  assert.is(await other.view(0).apply(() => 5), 5);
  await other.close();
});

test('a task that computes for long, or awaits, blocks nothing; a callback that ends does so no longer', async () => {
  const before = told.filter((type) => type === 'engine-blocked').length;
  const uuid = rig.rc.engine(0)?.uuid;
  const busy = () => {
    for (const end = Date.now() + 4000; Date.now() < end; );
    return 'busy';
  };
  assert.is(await rig.e0.apply(busy), 'busy');
  assert.is(await rig.e0.apply(() => new Promise((resolve) => setTimeout(() => resolve('rested'), 4000))), 'rested');
  assert.is(told.filter((type) => type === 'engine-blocked').length, before);
  await rig.e0.apply(() => {
    setTimeout(() => {
      for (const end = Date.now() + 3600; Date.now() < end; );
    });
  });
  const reasons = events(rig.rc);
  await until('the event', () => reasons.length > 0);
  assert.is(await rig.e0.with({ runTimeout: 20_000 }).apply(() => 5), 5);
  await rig.rc.interrupt(0);
  assert.is(rig.rc.engine(0)?.uuid, uuid, 'an interrupt of an engine that is free again changes nothing');
});

test.run();
