// Broadcast from the client over real engines: one send of the payload, order kept, and nothing lost when the chain breaks.
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { relays } from '../../../../src/client/calls/relays.ts';
import { Client } from '../../../../src/client/client.ts';
import { clusterTransport } from '../../../../src/comm/by-scheme.ts';
import type { Parts, Transport } from '../../../../src/comm/transport.ts';
import { EngineError } from '../../../../src/errors.ts';
import { decodeHeader } from '../../../../src/protocol/header-codec.ts';
import { range } from '../../../../src/tensor/convert.ts';
import { throws } from '../../../support/assert.ts';
import { type Rig, startRig, until, withRig } from '../../../support/cluster.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('broadcast');
const SIZE = 5;
const BYTES = 6 * 2 ** 20;
let rig: Rig;
test.before(async () => {
  rig = await startRig(SIZE);
});
test.after(() => rig.stop());

const value = () => Float64Array.from({ length: BYTES / 8 }, (_, i) => i);
const check = () => {
  const { data } = globalThis as unknown as { data: Float64Array };
  return data.length === 786_432 && data.every((x, i) => x === i);
};

/** A transport that counts the bytes given to its links. */
function counting(): { transport: Transport; sent: () => number } {
  const inner = clusterTransport();
  let bytes = 0;
  const connect: Transport['connect'] = (endpoint, handlers) => {
    const link = inner.connect(endpoint, handlers);
    const send = link.send.bind(link);
    link.send = (parts: Parts) => {
      for (const part of parts) bytes += part.byteLength;
      return send(parts);
    };
    return link;
  };
  return { transport: { connect, listen: inner.listen.bind(inner) }, sent: () => bytes };
}

test('the payload leaves the client once, whatever the number of engines; results as ever', async () => {
  const { transport, sent } = counting();
  await using rc = await Client.connect(rig.cluster.info, { transport });
  const data = value();
  await rc.view('all').push({ data });
  assert.ok(sent() > SIZE * BYTES, 'directly it leaves five times');
  await rc.clear();
  const before = sent();
  const view = rc.broadcast();
  assert.equal(
    await view.push({ data }),
    range(SIZE).map(() => undefined),
  );
  assert.ok(sent() - before < 1.1 * BYTES, `${sent() - before} bytes for ${BYTES}`);
  assert.equal(
    await view.apply(check),
    range(SIZE).map(() => true),
  );
});

test('targets in any order, some of them, without awaiting in between', async () => {
  const view = rig.rc.broadcast([3, 1, 4]);
  view.push({ data: value() });
  view.execute('n = data.length + engine.id');
  assert.equal(
    await view.pull('n'),
    [3, 1, 4].map((id) => 786_432 + id),
  );
  const sums = await view.apply((xs: Float64Array) => xs.length, value());
  assert.equal(sums, [786_432, 786_432, 786_432]);
  const small = view.push({ small: 1 });
  const large = view.push({ data: value() });
  assert.equal([await small, await large].flat().length, 6);
  assert.equal(
    [small, large].map((ar) => (ar.metadata as { isBroadcast: boolean }[])[0]?.isBroadcast),
    [false, true],
  );
});

test('a task waits for its value without blocking aborts and interrupts; an unknown way is an error', async () => {
  throws(() => rig.v.push({ a: 1 }, { via: 'pigeon' as never }), TypeError, /'direct' or 'broadcast'/);
  const view = rig.rc.broadcast();
  const sleeper = view.apply(() => new Promise((resolve) => setTimeout(resolve, 1000)));
  const queued = view.push({ data: value() });
  await queued.abort();
  const ends = await queued.get({ returnErrors: true });
  assert.ok(ends.every((end) => end instanceof Error));
  await sleeper;
});

test('who relays is decided in one place', () => {
  const body = [new Uint8Array(100_000)];
  const there = (id: number) => id !== 2;
  assert.equal(relays([0, 1, 2, 3], there, body, 'broadcast'), [
    { chain: [1, 3] },
    { from: 0 },
    undefined,
    { from: 1 },
  ]);
  assert.is(relays([0, 1, 3], there, body), undefined);
  assert.is(relays([0, 1], there, body, 'broadcast'), undefined);
  assert.is(relays([0, 1, 1, 3], there, body, 'broadcast'), undefined);
  assert.is(relays([0, 1, 3], there, [new Uint8Array(10)], 'broadcast'), undefined);
});

test('engines of one machine stand together in the chain, and get the body from the one that it reaches first', () => {
  const body = [new Uint8Array(100_000)];
  const machineOf = (id: number) => (id === 4 ? undefined : id % 2 === 0 ? 'even' : 'odd');
  assert.equal(
    relays([0, 1, 2, 3, 4], () => true, body, 'broadcast', machineOf),
    [{ chain: [2, 1, 3, 4] }, { from: 0 }, { from: 0 }, { from: 1 }, { from: 1 }],
  );
});

test('an engine that stands still holds up nobody: those behind it get the value from the client', () =>
  withRig(4, async ({ rc }) => {
    const stopped = rc.engines[1]!;
    process.kill(stopped.pid, 'SIGSTOP');
    try {
      const view = rc.broadcast();
      const pushed = view.push({ data: value() });
      await until('the others have it', () => pushed.progress === 3, 15_000);
      process.kill(stopped.pid, 'SIGCONT');
      await pushed;
      assert.equal(await view.apply(check), [true, true, true, true]);
    } finally {
      process.kill(stopped.pid, 'SIGCONT');
    }
  }));

test('an engine that dies in the chain costs only its own value', () =>
  withRig(4, async ({ rc }) => {
    const { pid } = rc.engines[0]!;
    const pushed = rc.broadcast().push({ data: value() });
    process.kill(pid, 'SIGKILL');
    const ends = await pushed.get({ returnErrors: true });
    assert.instance(ends[0], EngineError);
    assert.equal(ends.slice(1), [undefined, undefined, undefined]);
    assert.equal(await rc.view([1, 2, 3]).apply(check), [true, true, true]);
  }));

test('tasks of one call on several engines carry what messages between engines cost, once somebody has measured', async () => {
  const measured = {
    engines: SIZE,
    measured: 0,
    call: 1,
    perEngine: 1,
    send: 1,
    sendAgain: 1,
    receive: 1,
    flops: null,
  };
  const links = { mail: 0.25, between: 2 ** -30 };
  const file = join(dirname(rig.cluster.info.controller.slice('unix://'.length)), 'costs.json');
  const headers: unknown[] = [];
  const inner = clusterTransport();
  const connect: Transport['connect'] = (endpoint, handlers) => {
    const link = inner.connect(endpoint, handlers);
    const send = link.send.bind(link);
    link.send = (parts: Parts) => {
      headers.push(decodeHeader(parts));
      return send(parts);
    };
    return link;
  };
  const costs = { ...measured, ...links };
  writeFileSync(file, JSON.stringify({ format: 2, of: [], costs }), { mode: 0o600 });
  try {
    await using rc = await Client.connect(rig.cluster.info, {
      transport: { connect, listen: inner.listen.bind(inner) },
    });
    await rc.view([0, 1]).apply(() => 1);
    await rc.view(0).apply(() => 1);
  } finally {
    rmSync(file);
  }
  const tasks = (headers as { type: string; links?: unknown }[]).filter(({ type }) => type === 'task');
  assert.equal(
    tasks.map((task) => task.links),
    [links, links, undefined],
  );
});

test.run();
