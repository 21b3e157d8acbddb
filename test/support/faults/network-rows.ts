// Rows 14 to 19: links that are cut, half dead, slow, or long.
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import type { ClusterEvent } from '../../../src/cluster/start-options.ts';
import { ChaosProxy } from '../chaos/chaos-proxy.ts';
import { checksum } from '../chaos/history.ts';
import { isAlive, until, untilRunning } from '../cluster.ts';
import { waitFor } from '../links.ts';
import type { FaultRow, Seen } from './row.ts';
import { isDeath, MIB, mark, marks, nap, timed, withScene } from './scene.ts';

const bytes = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (i * 31 + (i >> 8)) & 0xff);

async function shortCut(): Promise<Seen> {
  return withScene(2, async ({ rc, network, killer }) => {
    const e0 = rc.view(0);
    await e0.apply(mark, -1);
    // All but the first ones wait until the link is cut, however long that takes here.
    const cut = join(tmpdir(), `directview-cut-${randomUUID()}`);
    const slowly = async (id: number, file: string): Promise<number> => {
      const { existsSync } = process.getBuiltinModule('node:fs');
      while (id > 2 && !existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5));
      const space = globalThis as unknown as { marks: number[] };
      space.marks.push(id);
      return id;
    };
    const calls = Array.from({ length: 21 }, (_, id) => e0.apply(slowly, id, cut));
    await calls[2];
    const link = network(0);
    const before = link.accepted;
    link.block();
    const since = performance.now();
    writeFileSync(cut, '');
    await waitFor(() => link.accepted >= before + 3, 'three vain tries to connect');
    link.mend();
    const answers = await Promise.all(calls).finally(() => rmSync(cut));
    assert.equal(
      answers,
      answers.map((_, id) => id),
    );
    const ran = (await e0.apply(marks)).sort((a, b) => a - b);
    assert.equal(ran, [-1, ...answers], 'each ran once');
    assert.is(killer.gone.size, 0);
    return { note: `healed after ${Math.round(performance.now() - since)} ms` };
  });
}

const FAST = { interval: 100, suspect: 400, dead: 1200 };

interface Watched {
  readonly rc: Client;
  /** The network between the controller and engine 1: its pings, and the heartbeats of the engine. */
  readonly pings: ChaosProxy;
  readonly heartbeats: ChaosProxy;
}

/** A cluster whose engine 1 is far from the controller, and near to the client. */
async function withWatched(run: (watched: Watched) => Promise<Seen>): Promise<Seen> {
  const proxies: ChaosProxy[] = [];
  const onEvent = (event: ClusterEvent) => {
    if (event.type !== 'engine-up' || event.id !== 1) return;
    const record = cluster.engines.find(({ id }) => id === 1);
    proxies.push(ChaosProxy.inFrontOf(record?.control as string));
  };
  const cluster: Cluster = await Cluster.start({ device: 'cpu', engines: 1, vitals: FAST, onEvent });
  try {
    const rc = await cluster.connect();
    proxies.push(ChaosProxy.inFrontOf(cluster.info.controller.replace(/controller$/, 'registry')));
    await cluster.add(1);
    await rc.waitForEngines(2);
    const [heartbeats, pings] = proxies as [ChaosProxy, ChaosProxy];
    return await run({ rc, pings, heartbeats });
  } finally {
    for (const proxy of proxies) await proxy.close();
    await cluster.stop();
  }
}

/** The controller and engine 1 do not reach each other any more, by `cut`; then the network is well again. */
function unreachable(cut: (watched: Watched) => void): () => Promise<Seen> {
  return () =>
    withWatched(async (watched) => {
      const { rc, pings, heartbeats } = watched;
      const { pid, uuid } = rc.engine(1) as { pid: number; uuid: string };
      const call = rc.view(1).apply(nap);
      await untilRunning(rc, [1]);
      await waitFor(() => pings.down.passed > 0 && heartbeats.up.passed > 0, 'both ways to be in use');
      const since = performance.now();
      cut(watched);
      const { ms, end } = await timed(call.get(), since);
      isDeath(end, 1, /did not answer/);
      for (const proxy of [pings, heartbeats]) proxy.mend();
      await until('the lost engine to be ended', () => !isAlive(pid));
      assert.equal(rc.ids, [0]);
      assert.not(
        rc.engines.some((engine) => engine.uuid === uuid),
        'it does not come back',
      );
      return { detected: ms, note: `dead time ${FAST.dead} ms here, 15 s by default` };
    });
}

async function narrow(): Promise<Seen> {
  return withScene(
    1,
    async ({ rc, network }) => {
      const e0 = rc.view(0);
      const data = bytes(6 * MIB);
      await e0.push({ back: data });
      const link = network(0);
      const { accepted } = link;
      link.up.set({ rate: 1_000_000 });
      link.down.set({ rate: 1_000_000 });
      const since = performance.now();
      // The request of the pull leaves first: both directions are full then.
      const [back] = await Promise.all([e0.pull('back'), e0.push({ there: data })]);
      const seconds = (performance.now() - since) / 1000;
      assert.is(link.accepted, accepted, 'the link was not lost');
      link.mend();
      assert.is(checksum(back), checksum(data));
      assert.is(checksum(await e0.pull('there')), checksum(data));
      return { note: `6 MiB each way in ${seconds.toFixed(1)} s; heartbeats want an answer within 5 s` };
    },
    { transport: 'tcp' },
  );
}

/** 200 ms there and back, with jitter, and 1 % of the pieces come a round trip late, as TCP sends them again. */
const FAR = { delay: 100, jitter: 20, loss: 0.01 };
/** A window so small that a machine with other work to do can fill it, too. */
const NARROW = { chunkBytes: MIB / 16, windowBytes: 2 * MIB };

/** Bytes a millisecond that the window allows: it travels once in a round trip, as long as those were that bytes have made. */
async function creditOf(link: ChaosProxy, windowBytes: number, run: () => Promise<unknown>): Promise<number> {
  const ways = [link.up, link.down];
  const before = ways.map(({ passed, transit }) => ({ passed, transit }));
  await run();
  const times = ways.map(
    (way, i) => (way.transit - (before[i]?.transit ?? 0)) / (way.passed - (before[i]?.passed ?? 0)),
  );
  return windowBytes / times.reduce((sum, time) => sum + time);
}

/** The share that a push of 8 windows has of what credit allows. */
async function shareOf(link: ChaosProxy, push: (data: Uint8Array) => Promise<unknown>): Promise<[number, string]> {
  const data = bytes(8 * NARROW.windowBytes);
  const since = performance.now();
  const credit = await creditOf(link, NARROW.windowBytes, () => push(data));
  const share = data.length / (performance.now() - since) / credit;
  const rate = ((1000 * credit) / MIB).toFixed(1);
  return [share, `${Math.round(100 * share)} % of ${rate} MiB/s, which a window of 2 MiB allows`];
}

/** Which pieces are lost is drawn: the first good one of so many pushes counts. Without its credit none would be. */
const TRIES = 4;

async function long(): Promise<Seen> {
  return withScene(
    1,
    async ({ rc, network }) => {
      const e0 = rc.view(0);
      await e0.apply(() => 1);
      const link = network(0);
      for (const way of [link.up, link.down]) way.set(FAR);
      let [share, note] = [0, ''];
      for (let n = 0; n < TRIES && share < 0.7; n++)
        [share, note] = await shareOf(link, async (x) => {
          await e0.push({ x });
        });
      link.mend();
      assert.is(await e0.apply(checksumOf, ['x']), checksum(bytes(8 * NARROW.windowBytes)));
      assert.ok(share >= 0.7, note);
      return { note };
    },
    { transport: 'tcp', sizes: NARROW },
  );
}

const PLACES = [10, 80, 1000, 100_000, MIB + 7, 5 * MIB, 8 * MIB - 100];

async function cutAnywhere(): Promise<Seen> {
  return withScene(1, async ({ rc, network, killer }) => {
    const e0 = rc.view(0);
    const data = bytes(8 * MIB);
    await e0.apply(mark, 0);
    const link = network(0);
    for (const [n, cutAfter] of PLACES.entries()) {
      const { accepted } = link;
      link.up.set({ cutAfter });
      await e0.push({ x: data });
      assert.is(await e0.apply(checksumOf, ['x']), checksum(data), `push, cut after ${cutAfter}`);
      link.down.set({ cutAfter });
      assert.is(checksum(await e0.pull('x')), checksum(data), `pull, cut after ${cutAfter}`);
      assert.ok(link.accepted >= accepted + 2, `cut ${n} happened`);
    }
    await e0.apply(mark, 1);
    assert.equal(await e0.apply(marks), [0, 1]);
    assert.is(killer.gone.size, 0);
    return { note: `${PLACES.length} places, push and pull of 8 MiB` };
  });
}

/** On an engine. */
const checksumOf = ([name]: readonly string[]): string => {
  const { createHash } = process.getBuiltinModule('node:crypto');
  const value = (globalThis as unknown as Record<string, Uint8Array>)[name as string] as Uint8Array;
  return createHash('sha1').update(value).digest('hex');
};

/** Rows 14 to 19. */
export const NETWORK_ROWS: readonly FaultRow[] = [
  {
    number: 14,
    fault: 'client and engine cut apart, with 21 tasks on their way',
    expected: 'the lost messages are sent again; each task runs once',
    run: shortCut,
  },
  {
    number: 15,
    fault: 'controller and engine cut apart for longer than the dead time, then healed',
    expected: 'EngineError; the engine is ended and does not come back',
    run: unreachable(({ pings, heartbeats }) => {
      pings.block();
      heartbeats.block();
    }),
  },
  {
    number: 16,
    fault: 'one way is dead: the engine hears, and is not heard',
    expected: 'found by the missing answers, as row 15',
    run: unreachable(({ pings, heartbeats }) => {
      pings.down.set({ isHeld: true });
      heartbeats.up.set({ isHeld: true });
    }),
  },
  {
    number: 17,
    fault: '1 MB/s each way, tensors of 6 MiB',
    expected: 'complete, without a heartbeat that ends the link',
    run: narrow,
  },
  {
    number: 18,
    fault: '200 ms round trip, jitter, 1 % of the pieces lost, a push of 8 windows',
    expected: 'complete, data equal, at 70 % or more of what the window and the round trips allow',
    run: long,
  },
  {
    number: 19,
    fault: 'connection cut after k bytes: in a header, in a frame, between chunks',
    expected: 'resumed; data equal; each task ran once',
    run: cutAnywhere,
  },
];
