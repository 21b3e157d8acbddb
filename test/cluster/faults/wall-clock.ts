// The wall clock of an engine, and of its client, goes back by an hour: nothing waits for it, and no duration is negative.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as assert from 'uvu/assert';
import { TaskTimeout } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('faults/wall-clock');
const folder = temporaryFolder('dv-clock-');
const HOUR_MS = 3_600_000;

/** Loaded before the engine: from then on a task can set the clock. */
const CLOCK = `const now = Date.now;
let offset = 0;
Date.now = () => now() + offset;
globalThis.setClock = (by) => { offset += by; };`;

declare const setClock: (by: number) => void;

let rig: Rig;
test.before(async () => {
  const clock = join(folder, 'clock.mjs');
  writeFileSync(clock, CLOCK);
  rig = await startRig(1, { device: 'none', env: { NODE_OPTIONS: `--import=${pathToFileURL(clock)}` } });
});
test.after(async () => {
  await rig.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Sets the clock of this process while `run` runs. */
async function withClockBack<T>(run: () => Promise<T>): Promise<T> {
  const { now } = Date;
  Date.now = () => now() - HOUR_MS;
  try {
    return await run();
  } finally {
    Date.now = now;
  }
}

test('no duration of a task is negative, on the engine and in the client', async () => {
  const result = rig.e0.apply((by) => setClock(by), -HOUR_MS);
  await withClockBack(() => result.get());
  assert.ok(result.serialTime >= 0, `serialTime ${result.serialTime}`);
  assert.ok(result.wallTime >= 0, `wallTime ${result.wallTime}`);
  assert.ok(result.elapsed >= 0, `elapsed ${result.elapsed}`);
  const { submitted, received } = result.metadata as unknown as { submitted: Date; received: Date };
  assert.ok(received >= submitted);
});

test('elapsed of a task that runs goes on', async () => {
  const path = join(folder, 'go on');
  const result = rig.e0.apply(async (file) => {
    const { existsSync } = process.getBuiltinModule('node:fs');
    while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 5));
  }, path);
  await withClockBack(async () => assert.ok(result.elapsed >= 0, `elapsed ${result.elapsed}`));
  writeFileSync(path, '');
  await result;
});

test('a time limit says how long the task ran', async () => {
  const task = rig.e0.with({ runTimeout: 100 }).apply((by) => {
    setClock(by);
    for (;;);
  }, -HOUR_MS);
  await rejects(() => task, TaskTimeout, /ran longer than 100 ms \(\d+ ms\)/);
});

test('live output of a loop comes while it runs', async () => {
  const path = join(folder, 'seen');
  const result = rig.e0.apply(
    (file, by) => {
      const { existsSync } = process.getBuiltinModule('node:fs');
      console.log('first');
      setClock(by);
      // Bounded, so that a failure is one.
      for (const end = performance.now() + 20_000; performance.now() < end && !existsSync(file); ) {
        console.log('more');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      }
      return existsSync(file);
    },
    path,
    -HOUR_MS,
  );
  await until('live output', () => result.stdout !== '' || result.ready, 30_000);
  writeFileSync(path, '');
  assert.is(await result, true);
  assert.ok(existsSync(path));
});

test('memory by name is counted on', async () => {
  await rig.e0.push({ before: new Float64Array(1000) });
  await rig.e0.apply((by) => setClock(by), -HOUR_MS);
  await rig.e0.push({ after: new Float64Array(1000) });
  let names: Record<string, number> = {};
  for (const end = performance.now() + 20_000; performance.now() < end && names['after'] === undefined; )
    names = { ...(await rig.rc.status(0)).get(0)?.memory?.names };
  assert.is(names['after'], 8000);
});

test.run();
