// The control thread's watch on the main loop: a clock of the test's own, and the board as the main thread leaves it.
import * as assert from 'uvu/assert';
import { MainLoop } from '../../../../engines/control/main-loop.ts';
import { PHASE, StatusBoard } from '../../../../engines/queue/status-board.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('main loop');

function scene() {
  const board = new StatusBoard();
  const told: number[] = [];
  let now = 0;
  const loop = new MainLoop(
    board,
    (ms) => told.push(ms),
    () => now,
  );
  board.add('turns', 1);
  loop.look();
  /** So many looks, 250 ms apart; the main thread turns before each of them or does not. */
  const looks = (count: number, turns: 0 | 1) => {
    for (let i = 0; i < count; i++) {
      now += 250;
      board.add('turns', turns);
      loop.look();
    }
  };
  const sleep = (ms: number) => {
    now += ms;
    loop.look();
  };
  return { board, told, loop, looks, sleep };
}

test('a loop that does not turn for 3 s is told once; one that turns again is well', () => {
  const { told, loop, looks } = scene();
  looks(20, 1);
  looks(11, 0);
  assert.equal([told, loop.blockedMs !== undefined], [[], false]);
  looks(8, 0);
  assert.equal([told, loop.blockedMs !== undefined], [[3000], true]);
  looks(1, 1);
  assert.is(loop.blockedMs !== undefined, false);
  looks(12, 0);
  assert.equal(told, [3000, 0, 3000]);
});

test('a loop that has turned since the last look is not blocked: a task may have started', () => {
  const { board, loop, looks } = scene();
  looks(13, 0);
  assert.ok((loop.blockedMs ?? 0) >= 3000);
  board.add('started', 1);
  assert.is(loop.blockedMs, undefined);
});

test('a task that computes or awaits, and the sleep of the whole process, do not count', () => {
  const { board, told, loop, looks, sleep } = scene();
  for (const phase of [PHASE.sync, PHASE.awaiting]) {
    board.set('phase', phase);
    looks(40, 0);
    board.set('phase', PHASE.idle);
    looks(1, 1);
  }
  sleep(60_000);
  assert.equal([told, loop.blockedMs !== undefined], [[], false]);
});

test('an engine that has not begun to turn is starting', () => {
  const told: number[] = [];
  let now = 0;
  const loop = new MainLoop(
    new StatusBoard(),
    (ms) => told.push(ms),
    () => now,
  );
  for (let i = 0; i < 100; i++) {
    now += 250;
    loop.look();
  }
  assert.equal([told, loop.blockedMs !== undefined], [[], false]);
});

test.run();
