// Rows 1 to 9: an engine dies, stops, computes for ever, or loses its memory or its card.
import * as assert from 'uvu/assert';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { softwareGpuEnv } from '../../../src/cluster/launchers/software-gpu.ts';
import { CompositeError, EngineError, RemoteError } from '../../../src/errors.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { rejects } from '../assert.ts';
import { matrix } from '../cases/pdot.ts';
import { isAlive, until, untilRunning } from '../cluster.ts';
import type { FaultRow, Seen } from './row.ts';
import { isDeath, MIB, mark, marks, timed, withScene } from './scene.ts';

declare const engine: { readonly id: number };
declare const tf: {
  backend(): { readonly device: GPUDevice };
  add(a: number, b: number): { data(): Promise<Float32Array> };
};
declare const c: { readonly shape: readonly number[] };
declare function matmul(a: unknown, b: unknown): Promise<Tensor>;

const FAST = { interval: 100, suspect: 500, dead: 1500 };

async function idle(): Promise<Seen> {
  return withScene(2, async ({ rc, killer, v }) => {
    const detected = await killer.kill(1);
    assert.equal(rc.ids, [0]);
    const mixed = await v.apply(() => 1).get({ returnErrors: true });
    assert.is(mixed[0], 1);
    isDeath(mixed[1], 1, /No such engine|died/);
    killer.check();
    return { detected };
  });
}

async function duringApply(): Promise<Seen> {
  return withScene(3, async ({ rc, killer, v }) => {
    const call = v.apply(async () => (engine.id === 1 ? new Promise(() => {}) : 7 + engine.id));
    await untilRunning(rc, [1]);
    const since = performance.now();
    const waiting = timed(call.get({ returnErrors: true }), since);
    await killer.kill(1);
    const { ms, end } = await waiting;
    const mixed = end as unknown[];
    assert.equal([mixed[0], mixed[2]], [7, 9], 'the others keep their results');
    isDeath(mixed[1], 1, /died while running task '.+'.*SIGKILL/);
    assert.match((mixed[1] as Error).message, call.msgIds[1] as string);
    return { detected: ms };
  });
}

const LARGE = 9 * MIB; // bytes for each engine: several chunks on every transport

const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i);

async function inScatter(): Promise<Seen> {
  const env = { DIRECTVIEW_FAULT: 'link.chunkIn@1:kill/2' };
  return withScene(
    3,
    async ({ rc, v, killer }) => {
      await v.apply(() => 1);
      const all = numbers((3 * LARGE) / 4);
      const { uuid } = rc.engine(1) as { uuid: string };
      killer.killed.add(uuid);
      const { ms, end } = await timed(v.scatter('x', all).get());
      assert.instance(end, CompositeError);
      const { errors } = end as CompositeError;
      assert.is(errors.length, 1, 'only the dead one failed');
      isDeath(errors[0], 1, /died.*SIGKILL/);
      for (const [id, part] of [
        [0, 0],
        [2, 2],
      ] as const) {
        const there = (await rc.view(id).pull('x')) as Float32Array;
        assert.equal(
          [there.length, there[0], there.at(-1)],
          [LARGE / 4, (part * LARGE) / 4, ((part + 1) * LARGE) / 4 - 1],
        );
      }
      await until('its death', () => killer.gone.has(uuid));
      killer.check();
      return { detected: ms };
    },
    { env },
  );
}

async function inGather(): Promise<Seen> {
  const env = { DIRECTVIEW_FAULT: 'link.chunkOut@1:kill/2' };
  return withScene(
    3,
    async ({ v }) => {
      await v.apply((bytes: number) => {
        (globalThis as { x?: Float32Array }).x = new Float32Array(bytes / 4).fill(engine.id + 1);
      }, LARGE);
      const call = v.gather('x');
      const { ms, end } = await timed(call.get());
      assert.instance(end, CompositeError, `nothing is half filled in silence: ${end}`);
      isDeath((end as CompositeError).errors.find(Boolean), 1, /died|SIGKILL/);
      const parts = (await call.get({ returnErrors: true }).catch((e: unknown) => e)) as unknown;
      if (Array.isArray(parts)) assert.ok(parts.some((part) => part instanceof EngineError));
      else assert.instance(parts, CompositeError);
      return { detected: ms };
    },
    { env },
  );
}

async function stopped(): Promise<Seen> {
  return withScene(
    2,
    async ({ rc, killer, events }) => {
      const of = (state: string) => events.find((event) => event.type === 'vitals' && event.verdict.state === state);
      const e1 = rc.view(1);
      await e1.apply(mark, 0);
      const short = await killer.freeze(1);
      const slow = e1.apply(mark, 1);
      await until('suspicion', () => of('suspect') !== undefined);
      killer.thaw(short);
      assert.is(await slow, 1, 'only slow');
      await until('its recovery', () => of('recovered') !== undefined);
      assert.is(killer.gone.size, 0);
      assert.equal(await e1.apply(marks), [0, 1], 'each task ran once');
      killer.killed.add(short.uuid);
      const late = e1.apply(mark, 2);
      await late;
      await killer.freeze(1);
      const since = performance.now();
      const { ms, end } = await timed(e1.apply(mark, 3).get(), since);
      isDeath(end, 1, /did not answer/);
      await until('the old incarnation to be ended', () => !isAlive(short.pid));
      killer.check();
      return { detected: ms, note: `dead time ${FAST.dead} ms here, 15 s by default` };
    },
    { vitals: FAST },
  );
}

async function blocked(): Promise<Seen> {
  return withScene(
    1,
    async ({ rc, killer, events }) => {
      const e0 = rc.view(0);
      await e0.push({ kept: 5 });
      const loop = e0.apply(() => {
        for (;;);
      });
      await untilRunning(rc, [0]);
      const status = (await rc.status(0)).get(0);
      assert.is(status?.running, loop.msgIds[0], 'busy, not dead');
      const since = performance.now();
      await rc.interrupt(0);
      const { ms, end } = await timed(loop.get(), since);
      assert.match((end as Error).message, /TaskInterrupted/);
      const limited = e0.with({ runTimeout: 100 }).apply(() => {
        for (;;);
      });
      await rejects(() => limited.get(), RemoteError, /TaskTimeout/);
      assert.is(await e0.pull('kept'), 5);
      assert.is(killer.gone.size, 0);
      assert.not(events.some((event) => event.type === 'vitals' && event.verdict.state === 'dead'));
      return { detected: ms };
    },
    { vitals: FAST },
  );
}

async function ownEnd(): Promise<Seen> {
  return withScene(3, async ({ rc, killer, cluster }) => {
    const ends: readonly [() => unknown, RegExp][] = [
      [() => process.exit(7), /exited with code 7/],
      [() => process.abort(), /SIGABRT/],
      [() => process.kill(process.pid, 'SIGSEGV'), /SIGSEGV/],
    ];
    const calls = ends.map(([end], id) => timed(rc.view(id).apply(end).get()));
    const seen = await Promise.all(calls);
    for (const [id, { end }] of seen.entries()) isDeath(end, id, (ends[id] as [unknown, RegExp])[1]);
    await until('all to leave', () => rc.ids.length === 0);
    assert.is(killer.gone.size, 3);
    await cluster.restart();
    assert.equal(await rc.view('all').apply(() => engine.id), [0, 1, 2], 'each under its id');
    return { detected: Math.max(...seen.map(({ ms }) => ms)) };
  });
}

/** Each task on an engine of a crash loop does this. */
const die = () => process.exit(7);

async function crashLoop(): Promise<Seen> {
  return withScene(
    1,
    async ({ rc, events }) => {
      for (let n = 0; n < 2; n++) {
        isDeath(
          await rc
            .view(0)
            .apply(die)
            .get()
            .catch((error: unknown) => error),
          0,
          /code 7; it is restarted/,
        );
        await rc.waitForEngines(1);
      }
      const { ms, end } = await timed(rc.view(0).apply(die).get());
      isDeath(end, 0, /died 3 times within 60 s and is not restarted again/);
      await until('the event', () => events.some(({ type }) => type === 'replacement-failed'));
      assert.equal(rc.ids, []);
      return { detected: ms };
    },
    { restart: { times: 2, delay: 10 } },
  );
}

async function leftLoop(): Promise<Seen> {
  return withScene(1, async ({ rc, events }) => {
    const e0 = rc.view(0);
    const uuid = rc.engine(0)?.uuid;
    await e0.apply(() => {
      setTimeout(() => {
        for (;;);
      });
    });
    const since = performance.now();
    await until('the event', () => events.some(({ type }) => type === 'engine-blocked'));
    const detected = performance.now() - since;
    isDeath(
      await e0
        .with({ runTimeout: 100 })
        .apply(() => 5)
        .get()
        .catch((error: unknown) => error),
      0,
      /was blocked by code/,
    );
    await until('another one', () => rc.ids.length === 1 && rc.engine(0)?.uuid !== uuid);
    assert.is(await e0.apply(() => 5), 5);
    return { detected };
  });
}

async function memory(): Promise<Seen> {
  const env = { NODE_OPTIONS: '--max-old-space-size=64' };
  return withScene(
    2,
    async ({ rc, killer }) => {
      const e0 = rc.view(0);
      const uuid = rc.engine(0)?.uuid;
      await rejects(() => e0.apply(() => new Float64Array(2 ** 36)).get(), RemoteError, /RangeError/);
      await rejects(() => e0.apply(() => 'x'.repeat(2 ** 30)).get(), RemoteError, /RangeError/);
      assert.is(rc.engine(0)?.uuid, uuid, 'the engine stays');
      const hungry = rc.view(1).apply(() => {
        const all: unknown[] = [];
        for (;;) all.push(new Array(10_000).fill({ a: 1 }));
      });
      const { ms, end } = await timed(hungry.get());
      isDeath(end, 1, /heap out of memory/);
      assert.is(await e0.apply(() => 1), 1);
      assert.is(killer.gone.size, 1);
      return { detected: ms };
    },
    { env },
  );
}

async function card(): Promise<Seen> {
  return withScene(
    1,
    async ({ rc }) => {
      const e0 = rc.view(0);
      const a = matrix('float32', [64, 64]);
      const uuid = rc.engine(0)?.uuid;
      const two = Float32Array.of(1, 2);
      const kernel = await e0.kernel(double, { output: [2] });
      const product = await pdot(e0, a, a);
      let detected = 0;
      for (const _ of ['first', 'second'] as const) {
        await e0.push({ a, plain: [1, 2] });
        await pdot(e0, ref('a'), a, { into: 'c' });
        assert.equal([...(await kernel(two)).data], [2, 4]);
        const since = performance.now();
        await e0.apply(loseDevice);
        assert.is(await e0.apply(() => 1), 1, 'plain work goes on');
        assert.equal(await e0.pull('plain'), [1, 2]);
        assert.equal(await e0.apply(() => c.shape), [64, 64], 'what does not read its values goes on');
        const lost = await timed(e0.pull('c').get(), since);
        assert.match(String(lost.end), /ContextError: 'c' cannot be read: the GPU device was lost/);
        detected = lost.ms;
        const users = {
          pdot: () => pdot(e0, ref('c'), a).get(),
          kernel: () => kernel(ref('c')).get(),
          'matmul in a task': () => e0.apply(async () => matmul(c, [[1]])).get(),
          'matmul in a task, on the right': () => e0.apply(async (b: Tensor) => matmul(b, c), a).get(),
        };
        for (const [what, call] of Object.entries(users))
          assert.match(
            String((await timed(call())).end),
            /ContextError: .*'c' cannot be used: the GPU device was lost/,
            what,
          );
        const mixed = await timed(e0.pull(['plain', 'c']).get());
        assert.match(String(mixed.end), /'c' cannot be read/);
        assert.equal([...(await kernel(two)).data], [2, 4], 'a kernel that was compiled before');
        assert.equal(await e0.apply(async () => [...(await tf.add(1, 2).data())]), [3]);
        await pdot(e0, a, a, { into: 'c' });
        assert.equal((await e0.pull('c')) as Tensor, product, 'the name has a new value');
      }
      assert.is(rc.engine(0)?.uuid, uuid, 'the same engine');
      return { detected };
    },
    { device: 'webgpu', softwareGpu: true },
  );
}

function double(x: number[]): number;
function double(this: { thread: { x: number } }, x: number[]): number {
  return 2 * (x[this.thread.x] as number);
}

async function loseDevice(): Promise<void> {
  const { device } = tf.backend();
  device.destroy();
  await device.lost;
}

/** Why there is no card to lose, if so. */
const noCard = await softwareGpuEnv().then(
  () => undefined,
  (error: Error) => error.message,
);

/** Rows 1 to 9. */
export const ENGINE_ROWS: readonly FaultRow[] = [
  {
    number: 1,
    fault: 'SIGKILL, engine idle',
    expected: 'its id is gone, calls on it reject, others answer',
    run: idle,
  },
  {
    number: 2,
    fault: 'SIGKILL during apply on 3 engines',
    expected: 'EngineError with engine, task and signal; the results of the others are kept',
    run: duringApply,
  },
  {
    number: 3,
    fault: 'SIGKILL in a scatter, after the second chunk',
    expected: 'rejects naming the engine; the others hold whole slices',
    run: inScatter,
  },
  {
    number: 4,
    fault: 'SIGKILL in a gather, before the second chunk',
    expected: 'rejects naming the engine; nothing is half filled',
    run: inGather,
  },
  {
    number: 5,
    fault: 'SIGSTOP, shorter and longer than the dead time',
    expected: 'short: suspect, recovered, nothing lost. Long: dead, EngineError, and the old process is ended',
    run: stopped,
  },
  {
    number: 6,
    fault: 'endless loop in a task',
    expected: 'status says busy; interrupt and runTimeout end it; the engine and its names stay',
    run: blocked,
  },
  {
    number: 6,
    fault: 'endless loop that a task left behind in a timer',
    expected: 'told as blocked; the runTimeout of the next task replaces the engine',
    run: leftLoop,
  },
  {
    number: 7,
    fault: 'process.exit(7), abort, SIGSEGV in user code',
    expected: 'EngineError with code or signal; restart brings each back under its id',
    run: ownEnd,
  },
  {
    number: 7,
    fault: 'a crash loop with restart: 2',
    expected: 'back under its id twice, then given up; error and event say so',
    run: crashLoop,
  },
  {
    number: 8,
    fault: 'allocations that fail; heap out of memory',
    expected: "RangeError, the engine stays; EngineError with V8's words",
    run: memory,
  },
  {
    number: 9,
    fault: 'the GPU device is lost (destroyed)',
    expected: 'plain work goes on; resident data is told as lost; new operands work',
    skip: noCard,
    run: card,
  },
];
