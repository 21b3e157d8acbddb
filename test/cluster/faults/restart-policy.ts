// Cluster.start({ restart }): engines that die come back under their ids, until they die too often.
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import type { ClusterEvent, StartOptions } from '../../../src/cluster/start-options.ts';
import { EngineError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, until, withRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/restart-policy');

async function withEvents(
  options: StartOptions,
  run: (rig: Rig, events: ClusterEvent[]) => Promise<void>,
): Promise<void> {
  const events: ClusterEvent[] = [];
  await withRig(2, (rig) => run(rig, events), { ...options, onEvent: (event) => events.push(event) });
}

/** [how user code ends its engine, the reason in the error] */
const DEATHS: [string, () => unknown, RegExp][] = [
  ['process.exit', () => process.exit(7), /exited with code 7; it is restarted/],
  ['process.exit with the code of replacements', () => process.exit(75), /exited with code 75; it is restarted/],
  ['process.exit(0)', () => process.exit(0), /exited with code 0; it is restarted/],
  ['abort', () => process.abort(), /was killed by SIGABRT: process\.abort\(\).*; it is restarted/],
  ['a fault', () => process.kill(process.pid, 'SIGSEGV'), /was killed by SIGSEGV: native code .*; it is restarted/],
  ['a kill', () => process.kill(process.pid, 'SIGKILL'), /was killed by SIGKILL, perhaps .*; it is restarted/],
];

test('each way to die: the error says how, and the engine is back under its id', async () => {
  await withEvents({ restart: { times: DEATHS.length, delay: 10 } }, async ({ rc, e0 }) => {
    await rc.view(1).push({ kept: 5 });
    for (const [what, die, reason] of DEATHS) {
      const before = rc.engine(0)?.uuid;
      const error = await rejects(() => e0.apply(die).get(), EngineError, /Engine 0 died while running task/);
      assert.match(error.evalue, reason, what);
      await rc.waitForEngines(2);
      assert.equal(rc.ids, [0, 1]);
      assert.is.not(rc.engine(0)?.uuid, before);
      assert.is(await e0.apply(() => 'alive'), 'alive');
    }
    assert.is(await rc.view(1).pull('kept'), 5, 'the other engine lived on');
  });
});

test('an engine that dies again and again is given up, said in the error, in events, and to clients; by hand it comes back', async () => {
  await withEvents({ restart: { times: 2, delay: 10 } }, async ({ rc, e0, cluster }, events) => {
    const heard: string[] = [];
    rc.onEvent((event) => {
      if (event.type === 'replacement-failed') heard.push(event.reason);
    });
    for (let n = 0; n < 2; n++) {
      await rejects(() => e0.apply(() => process.exit(3)).get(), EngineError, /code 3; it is restarted/);
      await rc.waitForEngines(2);
    }
    const limit = /exited with code 3; it died 3 times within 60 s and is not restarted again/;
    await rejects(() => e0.apply(() => process.exit(3)).get(), EngineError, limit);
    await until('the event', () => heard.length > 0);
    assert.match(heard[0] ?? '', limit);
    const failed = events.find((event) => event.type === 'replacement-failed');
    assert.match(
      String(failed?.type === 'replacement-failed' && failed.error.message),
      /^engine 0 exited with code 3; it/,
    );
    assert.equal(rc.ids, [1]);
    await rc.restart(0);
    assert.is(await e0.apply(() => 'alive'), 'alive');
    await rejects(() => e0.apply(() => process.exit(3)).get(), EngineError, /code 3; it is restarted/);
    await until('its return', () => cluster.engines.length === 2);
  });
});

test('an engine that was frozen for too long is killed and restarted', async () => {
  const vitals = { interval: 100, suspect: 300, dead: 800 };
  await withEvents({ restart: 1, vitals }, async ({ rc, cluster, e0 }) => {
    const before = rc.engine(0)?.uuid;
    cluster.signal('SIGSTOP', 0);
    await rejects(() => e0.apply(() => 1).get(), EngineError, /did not answer for/);
    await until('its return', () => rc.ids.length === 2 && rc.engine(0)?.uuid !== before);
    assert.is(await e0.apply(() => 'alive'), 'alive');
  });
});

test('without the option nothing is restarted; a client that comes after the death can restart it by its id', async () => {
  await withEvents({}, async ({ rc, e0, cluster }) => {
    const error = await rejects(() => e0.apply(() => process.exit(75)).get(), EngineError);
    assert.match(error.evalue, /\(exited with code 75\)$/);
    await until('its end', () => rc.ids.length === 1);
    const late = await Client.connect(cluster);
    await rejects(() => late.restart(9), RangeError, /No such engine: 9/);
    await late.restart(0);
    assert.equal(late.ids, [0, 1]);
    assert.is(await late.view(0).apply(() => 'alive'), 'alive');
    await rc.shutdown(0);
    const later = await Client.connect(cluster);
    await rejects(() => later.restart(0), RangeError, /No such engine: 0/);
    await Promise.all([late.close(), later.close()]);
  });
});

test('a stop amid the wait for a restart ends at once, and nothing starts after it', async () => {
  await withEvents({ restart: { times: 1, delay: 10_000 } }, async ({ rc, e0, cluster }, events) => {
    await rejects(() => e0.apply(() => process.exit(1)).get(), EngineError, /it is restarted/);
    await until('its end', () => rc.ids.length === 1);
    await cluster.stop();
    assert.is(events.filter((event) => event.type === 'engine-up').length, 2);
  });
});

test.run();
