// The places where a test makes a process fail: how they are named, and that each action does what it says.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { parseFaults } from '../../../../src/util/diagnostics/fault-point.ts';
import { throws } from '../../../support/assert.ts';
import { untilStopped } from '../../../support/chaos/engine-killer.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('util/fault-point');

test('point, slot, action and count are read', () => {
  assert.equal(parseFaults('engine.run@2:kill/3,link.chunkIn:stop'), [
    { point: 'engine.run', slot: 2, action: 'kill', at: 3 },
    { point: 'link.chunkIn', slot: undefined, action: 'stop', at: 1 },
  ]);
  assert.equal(parseFaults(''), []);
});

for (const wrong of ['engine', 'engine.run', 'engine.run:sleep', 'engine.run@x:kill', 'engine.run:kill/', 'a b:kill']) {
  test(`'${wrong}' is refused`, () => void throws(() => parseFaults(wrong), RangeError, /DIRECTVIEW_FAULT: '/));
}

const MODULE = fileURLToPath(new URL('../../../../src/util/diagnostics/fault-point.js', import.meta.url));
const PROGRAM = `
const { faultPoint, faultsOfSlot } = await import(${JSON.stringify(MODULE)});
faultsOfSlot(1);
for (let n = 1; n <= 3; n++) { faultPoint('engine.run'); console.log(n); }`;

function program(fault: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM], {
    env: { ...process.env, DIRECTVIEW_FAULT: fault },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  return { child, ended: once(child, 'close'), said: () => text.trim().split('\n') };
}

for (const [fault, end, said] of [
  ['engine.run:kill/2', [null, 'SIGKILL'], ['1']],
  ['engine.run@1:exit/3', [70, null], ['1', '2']],
  ['engine.run@0:kill', [0, null], ['1', '2', '3']],
  ['engine.reply:kill', [0, null], ['1', '2', '3']],
] as const) {
  test(`${fault}: ends with ${end.join(' ')}`, async () => {
    const { ended, said: lines } = program(fault);
    assert.equal(await ended, [...end]);
    assert.equal(lines(), [...said]);
  });
}

test('stop waits for SIGCONT', async () => {
  const { child, ended, said } = program('engine.run:stop/2');
  await untilStopped(child.pid as number);
  child.kill('SIGCONT');
  assert.equal(await ended, [0, null]);
  assert.equal(said(), ['1', '2', '3']);
});

test.run();
