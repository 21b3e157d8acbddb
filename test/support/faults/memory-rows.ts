// Rows 20 and 21 again: what a process holds for others while they flood it, do not read, or never come back.
import * as assert from 'uvu/assert';
import type { Client } from '../../../src/client/client.ts';
import { Cluster } from '../../../src/cluster/cluster.ts';
import { RemoteError } from '../../../src/errors.ts';
import { rejects } from '../assert.ts';
import { held } from './held.ts';
import type { FaultRow, Seen } from './row.ts';
import { MIB } from './scene.ts';

declare const engine: { readonly id: number };

/** A link carries so much that its receiver has not taken yet. */
const WINDOW = 32 * MIB;

/** Without a network in front of it, which would be in this process, too. */
async function withCluster(engines: number, run: (rc: Client, cluster: Cluster) => Promise<Seen>): Promise<Seen> {
  const cluster = await Cluster.start({ device: 'cpu', engines });
  try {
    return await run(await cluster.connect(), cluster);
  } finally {
    await cluster.stop();
  }
}

/** Keeps this process from reading for a while: Node's sockets are read by it, those of ZeroMQ by a thread. */
function beBusy(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

const rss = (): number => process.memoryUsage().rss;

async function busyGather(): Promise<Seen> {
  const [engines, bytes] = [4, 64 * MIB];
  return withCluster(engines, async (rc) => {
    const v = rc.view(':');
    await v.apply((n: number) => {
      (globalThis as { big?: Float32Array }).big = new Float32Array(n).fill(engine.id + 1);
    }, bytes / 4);
    const before = rss();
    const gather = v.gather('big');
    // The requests leave; the answers fill the links while nobody reads.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    beBusy(500);
    const stalled = rss() - before;
    const whole = (await gather) as Float32Array;
    const grown = rss() - before;
    assert.is(whole.length, (engines * bytes) / 4);
    for (let id = 0; id < engines; id++) {
      const part = whole.subarray((id * bytes) / 4, ((id + 1) * bytes) / 4);
      assert.ok(part[0] === id + 1 && part.at(-1) === id + 1, `the part of engine ${id}`);
    }
    const mib = (n: number) => Math.round(n / MIB);
    assert.ok(stalled < engines * WINDOW + 48 * MIB, `${mib(stalled)} MiB wait`);
    const most = engines * (bytes + WINDOW) + 64 * MIB;
    assert.ok(grown < most, `the client grew by ${mib(grown)} MiB for ${mib(engines * bytes)}`);
    return {
      note: `${mib(stalled)} MiB wait in a busy client; then it grows by ${mib(grown)} MiB for ${mib(whole.byteLength)}`,
    };
  });
}

async function flood(rc: Client): Promise<void> {
  const text = 'y'.repeat(4000);
  const calls = Array.from({ length: 5000 }, () => rc.view(0).apply((x: string) => x.length, text));
  for (const length of await Promise.all(calls)) assert.is(length, 4000);
}

async function givenBack(): Promise<Seen> {
  return withCluster(1, async (rc, cluster) => {
    const e0 = rc.view(0);
    const before = await e0.apply(held);
    const sizes: number[] = [];
    // By the second one V8's young generation has grown to its size.
    for (let n = 0; n < 4; n++) {
      const other = await cluster.connect();
      const flooding = flood(other);
      assert.is(await e0.apply(() => 5), 5, 'others are served');
      await flooding;
      await other.close();
      // One collection does not free all: memory of arrays goes with the next ones.
      for (let now = Number.POSITIVE_INFINITY; now > before + 4 * MIB; ) now = await e0.apply(held);
      sizes.push((await rc.status(0)).get(0)?.rss ?? 0);
    }
    const [, second = 0, , fourth = 0] = sizes;
    const mib = sizes.map((bytes) => Math.round(bytes / MIB));
    assert.ok(fourth < second + 48 * MIB, `resident: ${mib.join(', ')} MiB`);
    return { note: `resident after 1 to 4 floods of 20 MB: ${mib.join(', ')} MiB` };
  });
}

async function uncollected(): Promise<Seen> {
  return withCluster(1, async (rc, cluster) => {
    const e0 = rc.view(0);
    const size = 900 * 1024;
    const make = (bytes: number) => new Uint8Array(bytes).fill(1);
    const results = Array.from({ length: 80 }, () => e0.apply(make, size));
    await Promise.all(results);
    const ids = results.map((result) => result.msgIds[0] as string);
    const other = await cluster.connect();
    assert.is(((await other.getResult(ids[79] as string)) as Uint8Array).length, size, 'the newest are kept');
    const why =
      /ResultLost: task '.+' ran on engine 0, but its result is no longer kept: it made room for later ones: an engine keeps 64 MiB/;
    const since = performance.now();
    await rejects(() => other.getResult(ids[0] as string).get(), RemoteError, why);
    const detected = performance.now() - since;
    await rc.purge(ids[79] as string);
    await rejects(() => other.getResult(ids[79] as string).get(), RemoteError, /ResultLost: no engine holds/);
    return { detected, note: 'by age, too: after 10 minutes' };
  });
}

/** Rows 20 and 21, of memory. */
export const MEMORY_ROWS: readonly FaultRow[] = [
  {
    number: 20,
    fault: 'a client floods an engine with 5,000 tasks and goes; four times',
    expected: 'others are served; what it held is given back, and memory does not grow from flood to flood',
    run: givenBack,
  },
  {
    number: 21,
    fault: '4 engines answer 64 MiB at once to a client that is busy',
    expected: 'all delivered; at most 32 MiB of each engine wait beside the result',
    run: busyGather,
  },
  {
    number: 21,
    fault: '80 results of 900 KiB that nobody collects',
    expected: 'an engine keeps 64 MiB; the error of an older one says why it went',
    run: uncollected,
  },
];
