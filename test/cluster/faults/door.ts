// Interrupts amid Node's own library: the door is closed around it, so that no interrupt costs an engine.
// DOOR_INTERRUPTS sets how many; 500 were tried three times.
import * as assert from 'uvu/assert';
import { TaskInterrupted } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, sleep, startRig, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('faults/door');
const INTERRUPTS = Number(process.env['DOOR_INTERRUPTS'] ?? 50);
let rig: Rig;
test.before(async () => {
  rig = await startRig(1);
});
test.after(async () => {
  // An interrupt may have ended the loop over files before it removed its own.
  await rig.e0.apply(() => {
    const fs = process.getBuiltinModule('node:fs');
    const { tmpdir } = process.getBuiltinModule('node:os');
    fs.rmSync(`${tmpdir()}/directview-door-${process.pid}`, { force: true });
  });
  await rig.stop();
});

/** Loops within one part of Node's library. */
const LOOPS: Record<string, () => unknown> = {
  timers: () => {
    for (;;) {
      const timers = Array.from({ length: 50 }, (_, i) => setTimeout(() => {}, 1 + ((i * 7) % 90)));
      for (const timer of timers) timer.refresh();
      for (const timer of timers) clearTimeout(timer);
    }
  },
  'immediates and intervals': () => {
    for (;;) {
      const some = Array.from({ length: 20 }, (_, i) => setInterval(() => {}, 1 + i));
      for (const one of some) clearInterval(one);
      clearImmediate(setImmediate(() => {}));
    }
  },
  console: () => {
    for (let n = 0; ; n++) {
      console.log('%s of %o', n, { a: [1, { b: new Map([[1, 2]]) }] });
      console.group();
      console.groupEnd();
    }
  },
  errors: () => {
    for (;;) {
      console.error(new Error('one'));
      console.count('c');
      console.time('t');
      console.timeEnd('t');
    }
  },
  promises: () => {
    for (let n = 0; ; n++) {
      if (n % 1000 === 0) process.nextTick(() => {});
      if (n % 1000 === 1) queueMicrotask(() => {});
      if (n % 1000 === 2) Promise.reject(new Error('handled')).catch(() => {});
      new Promise((resolve) => resolve(n)).constructor;
    }
  },
  files: () => {
    const fs = process.getBuiltinModule('node:fs');
    const { tmpdir } = process.getBuiltinModule('node:os');
    const path = `${tmpdir()}/directview-door-${process.pid}`;
    for (;;) {
      fs.writeFileSync(path, 'text');
      fs.appendFileSync(path, 'more');
      fs.readFileSync(path, 'utf8');
      fs.statSync(path);
      fs.rmSync(path);
    }
  },
  modules: () => {
    const names = ['http2', 'readline', 'zlib', 'dgram', 'tls', 'vm', 'wasi', 'repl', 'diagnostics_channel', 'test'];
    for (let n = 0; ; n++) process.getBuiltinModule(`node:${names[n % names.length]}`);
  },
  signals: () => {
    for (;;) AbortSignal.timeout(1e6);
  },
};

/** Uses all of it. */
const check = async (): Promise<string> => {
  for (const ms of [1, 3, 7, 20]) await new Promise((resolve) => setTimeout(resolve, ms));
  await new Promise((resolve) => setImmediate(resolve));
  const fs = process.getBuiltinModule('node:fs');
  fs.readFileSync('/dev/null');
  await fs.promises.stat('/');
  console.log('%o', { fine: true });
  return 'fine';
};

test(`${INTERRUPTS} interrupts amid timers, console, promises, files: no engine is damaged`, async () => {
  const uuid = rig.rc.engine(0)?.uuid;
  const kinds = Object.entries(LOOPS);
  for (let n = 0; n < INTERRUPTS; n++) {
    const [kind, loop] = kinds[n % kinds.length] as [string, () => unknown];
    const looping = rig.e0.apply(loop);
    const next = rig.e0.apply(check);
    await untilRunning(rig.rc, [0]);
    await sleep(n % 7);
    await rig.rc.interrupt(0);
    await rejects(() => looping.get(), TaskInterrupted);
    assert.is(await next.get({ timeout: 20_000 }), 'fine', `after ${kind}`);
    assert.is(rig.rc.engine(0)?.uuid, uuid, `the engine was replaced after ${kind} (${n})`);
  }
});

test('what the door does not cover ends as before: a getter that loops within console.log', async () => {
  const stuck = rig.e0.with({ runTimeout: 100 }).apply(() => {
    console.log({
      [Symbol.for('nodejs.util.inspect.custom')]() {
        for (;;);
      },
    });
  });
  await rejects(() => stuck.get(), Error, /ran longer than 100 ms/);
  assert.is(await rig.e0.apply(check), 'fine');
});

test.run();
