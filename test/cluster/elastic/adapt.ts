// `cluster.adapt`: as many engines as the load-balanced work of all clients wants.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Client } from '../../../src/client/client.ts';
import type { ClusterEvent } from '../../../src/cluster/start-options.ts';
import { Program } from '../../fixtures/cluster-lab.ts';
import { throws } from '../../support/assert.ts';
import { type Rig, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const test = suite('elastic/adapt');
const folder = temporaryFolder('dv-adapt-');
// Each task is worth an engine, however short the last ones were.
const FAST = { min: 1, max: 3, interval: 100, patience: 400, target: 1 };
const LIMIT = 30_000;
const events: ClusterEvent[] = [];
let rig: Rig;

test.before(async () => {
  rig = await startRig(1, { device: 'none', onEvent: (event) => events.push(event) });
});
test.after(async () => {
  await rig.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A task that runs until its gate is opened, and gives its engine. */
const waiting = async (gate: string): Promise<number> => {
  const { existsSync } = await import('node:fs');
  while (!existsSync(gate)) await new Promise((resolve) => setTimeout(resolve, 10));
  return engine.id;
};
const scales = () => events.flatMap((event) => (event.type === 'scale' ? [event] : []));

test('work makes it grow, to the bound; without work it shrinks; no task is lost', async () => {
  rig.cluster.adapt(FAST);
  const gate = join(folder, 'first');
  const result = rig.rc.loadBalanced().map(waiting, Array(20).fill(gate));
  await until('three engines', () => rig.cluster.engines.length === 3, LIMIT);
  assert.match(scales()[0]?.why ?? '', /^20 load-balanced tasks have not ended$/);
  assert.is(scales()[0]?.to, 3);
  writeFileSync(gate, '');
  assert.is((await result).length, 20);
  await until('one engine', () => rig.cluster.engines.length === 1, LIMIT);
  assert.equal(
    scales().map(({ to }) => to),
    [3, 1],
  );
});

test('the work of a client that came by itself counts, and no more when it is gone', async () => {
  const other = await Client.connect(rig.cluster.info);
  const result = other.loadBalanced().map(waiting, Array(2).fill(join(folder, 'never')));
  const failed = result.then(
    () => assert.unreachable('its client was closed'),
    () => {},
  );
  await until('two engines', () => rig.cluster.engines.length === 2, LIMIT);
  await other.close();
  await failed;
  await rig.rc.interrupt('all', { all: true });
  await until('one engine', () => rig.cluster.engines.length === 1, LIMIT);
});

test('engines that die are started again while there is work', async () => {
  const gate = join(folder, 'third');
  const result = rig.rc.loadBalanced('all', { retries: 5 }).map(waiting, Array(6).fill(gate));
  await until('three engines', () => rig.cluster.engines.length === 3, LIMIT);
  const [id = 0] = rig.rc.ids;
  const uuid = rig.cluster.engines[0]?.uuid;
  rig.cluster.signal('SIGKILL', id);
  await until('its end', () => rig.cluster.engines.every((engine) => engine.uuid !== uuid), LIMIT);
  await until('three again', () => rig.cluster.engines.length === 3, LIMIT);
  writeFileSync(gate, '');
  assert.is((await result).length, 6);
});

test('engines that cannot start are told, and asked for again later', async () => {
  await rig.cluster.scale(1);
  events.length = 0;
  process.env['DIRECTVIEW_ENGINE'] = join(folder, 'missing.js');
  const gate = join(folder, 'fourth');
  rig.cluster.adapt(FAST);
  const result = rig.rc.loadBalanced().map(waiting, Array(5).fill(gate));
  try {
    await until('the failure', () => events.some(({ type }) => type === 'scale-failed'), LIMIT);
  } finally {
    delete process.env['DIRECTVIEW_ENGINE'];
  }
  await until('three engines', () => rig.cluster.engines.length === 3, LIMIT);
  writeFileSync(gate, '');
  await result;
});

test('scale ends it: the number stays', async () => {
  await rig.cluster.scale(2);
  events.length = 0;
  const gate = join(folder, 'fifth');
  const result = rig.rc.loadBalanced().map(waiting, Array(9).fill(gate));
  await until('work', () => rig.rc.outstanding.size > 0);
  writeFileSync(gate, '');
  await result;
  assert.equal(scales(), []);
  assert.is(rig.cluster.engines.length, 2);
});

test('directview adapt and directview scale do the same from another process', async () => {
  const adapt = (...args: string[]) => new Program('src/cli/main.js', ['adapt', rig.cluster.file, ...args]).done;
  const { code, stdout } = await adapt('--min', '2', '--max', '3', '--json');
  assert.equal([code, JSON.parse(stdout)], [0, { cluster: rig.cluster.name, min: 2, max: 3 }]);
  await until('two engines', () => rig.cluster.engines.length === 2, LIMIT);
  const wrong = await adapt('--min', '4', '--max', '3');
  assert.is(wrong.code, 2);
  assert.match(wrong.stderr, /--min 4 is more than --max 3/);
  assert.is((await new Program('src/cli/main.js', ['scale', '1', rig.cluster.file]).done).code, 0);
  assert.is(rig.cluster.engines.length, 1);
});

test('wrong bounds are refused', () => {
  throws(() => rig.cluster.adapt({ min: 3, max: 2 }), RangeError, /min ≤ max/);
  throws(() => rig.cluster.adapt({ min: 0, max: 2 }), RangeError);
  throws(() => rig.cluster.adapt({ min: 1 } as never), TypeError, /max/);
});

declare const engine: { readonly id: number };

test.run();
