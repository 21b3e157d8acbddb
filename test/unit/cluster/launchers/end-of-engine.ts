// Why an engine ended: exit codes and signals, the lines of engines that end themselves, and words for each.
import * as assert from 'uvu/assert';
import { endOfEngine } from '../../../../src/cluster/launchers/end-of-engine.ts';
import type { Fate } from '../../../../src/protocol/messages/fate.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('end of engine');

function end(code: number | null, signal: NodeJS.Signals | null, output = '', fate?: Fate) {
  const handle = { slot: 0, pid: 1, output: () => output, fate: () => fate };
  return endOfEngine({ handle, code, signal }, fate);
}

test('code 75 of user code is an exit as any other: only an engine that says so is replaced', () => {
  assert.equal(end(75, null), { reason: 'exited with code 75', isReplaced: false });
  assert.equal(end(7, null, 'bye'), { reason: 'exited with code 7; its last output: bye', isReplaced: false });
});

const OWN: [string, string][] = [
  ['its wasm back end aborted (3 tensors)', 'ended: its wasm back end aborted (3 tensors)'],
  ['engine: code that a task left behind blocks the engine: it', 'was blocked by code that a task left behind'],
  ['engine: an interrupt has broken timers or console', 'was broken by an interrupt'],
  ['engine: a task could not be interrupted in 300 ms: the', 'did not stop within 300 ms of an interrupt'],
];

for (const [line, reason] of OWN) {
  test(`an engine that ${reason}: also where it had to be killed`, () => {
    assert.equal(end(75, null, `before\n${line}\n`), { reason, isReplaced: true });
    assert.equal(end(null, 'SIGKILL', `before\n${line}\n`), { reason, isReplaced: true });
    assert.is(end(7, null, `${line}\n`).isReplaced, false, 'another exit code is another end');
  });
}

test('without its line the record tells', () => {
  const fate: Fate = { started: ['a:1'], stopped: 'timeout' };
  assert.equal(end(null, 'SIGKILL', '', fate), { reason: 'did not stop after an interrupt', isReplaced: true });
});

test('each signal has words of its own, and the last output goes before them', () => {
  assert.is(end(null, 'SIGSEGV').reason, 'was killed by SIGSEGV: native code touched memory that is not its own');
  assert.match(end(null, 'SIGABRT').reason, /SIGABRT: process\.abort\(\), or a failed assertion of native code$/);
  assert.match(end(null, 'SIGBUS').reason, /SIGBUS: native code/);
  assert.match(end(null, 'SIGILL').reason, /SIGILL: native code/);
  assert.match(end(null, 'SIGFPE').reason, /SIGFPE: native code/);
  assert.match(end(null, 'SIGKILL').reason, /SIGKILL, perhaps because the system ran out of memory$/);
  assert.is(end(null, 'SIGSEGV', 'libfoo: boom').reason, 'was killed by SIGSEGV; its last output: libfoo: boom');
  assert.match(end(null, 'SIGABRT', 'FATAL ERROR: JavaScript heap out of memory').reason, /: JavaScript heap out of/);
});

test.run();
