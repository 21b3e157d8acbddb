// Interrupts of an engine on which no task runs, before anybody knows whether its main loop still turns.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { EngineError } from '../../../src/errors.ts';
import { rejects } from '../../support/assert.ts';
import { type Rig, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('faults/early-interrupts');
let rig: Rig;

test.before(async () => {
  rig = await startRig(2, { device: 'none' });
});
test.after(async () => {
  await rig.stop();
  rmSync(folder, { recursive: true, force: true });
});

const folder = temporaryFolder('dvearly-');
/** A file that says that a loop has begun. */
const begun = (name: string): string => join(folder, name);
const BLOCKED = /before this task started: .* \(was blocked by code that a task left behind\)/;

const uuids = () => rig.rc.engines.map(({ uuid }) => uuid);

test('engines that are idle stay, and answer at once', async () => {
  const before = uuids();
  for (let i = 0; i < 50; i++) await rig.rc.interrupt();
  assert.equal(uuids(), before);
});

test('code of a task that ends by itself is waited for', async () => {
  const before = uuids();
  await rig.e0.apply((path: string) => {
    setTimeout(() => {
      process.getBuiltinModule('node:fs').writeFileSync(path, '');
      for (const end = Date.now() + 1000; Date.now() < end; );
      process.getBuiltinModule('node:fs').writeFileSync(`${path}.ended`, '');
    });
  }, begun('short'));
  await until('the loop', () => existsSync(begun('short')));
  await rig.rc.interrupt(0);
  assert.ok(existsSync(`${begun('short')}.ended`));
  assert.equal(uuids(), before);
});

test('an interrupt in the first seconds of a loop that a task left behind replaces the engine, whatever leaves it there', async () => {
  const before = uuids();
  await rig.e0.apply((path: string) => {
    setTimeout(() => {
      process.getBuiltinModule('node:fs').writeFileSync(path, '');
      for (;;);
    });
  }, begun('timer'));
  await rig.rc.view(1).apply((path: string) => {
    setImmediate(async () => {
      process.getBuiltinModule('node:fs').writeFileSync(path, '');
      for (;;) await null;
    });
  }, begun('microtasks'));
  await until('the loops', () => existsSync(begun('timer')) && existsSync(begun('microtasks')));
  const waiting = [0, 1].map((id) => rejects(() => rig.rc.view(id).apply(() => 5), EngineError, BLOCKED));
  await rig.rc.interrupt();
  await Promise.all(waiting);
  await rig.rc.waitForEngines(2);
  assert.equal(await rig.v.apply(() => 5), [5, 5]);
  for (const uuid of uuids()) assert.not(before.includes(uuid));
});

test.run();
