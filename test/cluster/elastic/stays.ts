// A scale that is taken back in the instant in which engines have nothing to do any more: those that are left have said that they
// stay.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { ClusterEvent } from '../../../src/cluster/start-options.ts';
import { AbortError } from '../../../src/errors.ts';
import { type Rig, startRig, until, untilRunning } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('elastic/stays');
const folder = temporaryFolder('dv-stays-');
/** Turns of this process's event loop between the last task and the change of mind: the engine needs some to end. */
const WAITS = [0, 1, 3, 10, 30];
let events: ClusterEvent[] = [];
let rig: Rig;
let gates = 0;

test.before(async () => {
  rig = await startRig(2, { device: 'none', onEvent: (event) => events.push(event) });
});
test.after(async () => {
  await rig.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A task that runs until its gate is opened. */
const waiting = async (gate: string): Promise<number> => {
  const { existsSync } = await import('node:fs');
  while (!existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 1));
  return engine.id;
};

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

/** Both engines are busy, and one of them is to end. */
async function oneLeaves(gate: string, signal?: AbortSignal) {
  await rig.cluster.scale(2);
  const busy = rig.rc.view('all').apply(waiting, gate);
  await untilRunning(rig.rc, rig.rc.ids);
  events = [];
  const scaling = rig.cluster.scale(1, signal);
  await until('an engine that is to end', () => events.some(({ type }) => type === 'engine-draining'));
  return { busy, scaling };
}

/** Every engine that the cluster says it has answers, however soon it is asked. */
async function allAnswer(): Promise<void> {
  const ids = rig.cluster.engines.map(({ id }) => id);
  await until('the same engines at the client', () => rig.rc.ids.join() === ids.join());
  assert.equal(await rig.rc.view(ids).apply(() => engine.id), ids);
  assert.equal(await rig.rc.view(ids).apply(() => engine.id), ids);
}

for (const when of ['before', 'after'] as const)
  test(`an abort ${when} the last task has ended: whoever is left answers`, async () => {
    for (const wait of WAITS) {
      const gate = join(folder, `gate-${gates++}`);
      const abort = new AbortController();
      const { busy, scaling } = await oneLeaves(gate, abort.signal);
      // It may be done before.
      const ended = scaling.then(undefined, (error: unknown) => assert.instance(error, AbortError));
      writeFileSync(gate, '');
      if (when === 'after') await busy;
      await turns(wait);
      abort.abort();
      await ended;
      await allAnswer();
      await busy;
    }
  });

test('a later call that wants it back: as many as it wants are there, and answer', async () => {
  for (const wait of WAITS) {
    const gate = join(folder, `gate-${gates++}`);
    const { busy, scaling } = await oneLeaves(gate);
    scaling.catch(() => {}); // it may be done, or give way
    writeFileSync(gate, '');
    await busy;
    await turns(wait);
    const ids = await rig.cluster.scale(2);
    assert.is(ids.length, 2);
    assert.equal(await rig.rc.view(ids).apply(() => engine.id), ids);
  }
});

declare const engine: { readonly id: number };

test.run();
