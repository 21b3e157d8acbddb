// The table of control requests: which are served in the control thread, and what the main thread carries out.
import * as assert from 'uvu/assert';
import { answer, type ControlSide, carryOut } from '../../../../engines/control/control-requests.ts';
import { Interrupter, Reaper } from '../../../../engines/control/interrupter.ts';
import { Identity } from '../../../../engines/identity.ts';
import type { TaskClient } from '../../../../engines/queue/queue-event.ts';
import { StatusBoard } from '../../../../engines/queue/status-board.ts';
import { TaskLoop } from '../../../../engines/queue/task-loop.ts';
import { TaskQueue } from '../../../../engines/queue/task-queue.ts';
import type { ControlRequest, EngineStatus } from '../../../../src/protocol/messages/control.ts';
import type { TaskMessage } from '../../../../src/protocol/messages.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('control requests');
const to = 'me';
const task = (n: number): TaskMessage => ({ type: 'task', id: `c:${n}`, to, method: 'apply', label: 'apply' });

/** Both sides of an engine, in one thread: forwarded requests are listed and carried out. */
function engine() {
  const board = new StatusBoard();
  const queue = new TaskQueue<TaskClient>({ identity: new Identity(to) });
  const happened: string[] = [];
  const side: ControlSide = {
    uuid: to,
    board,
    // A task of these tests does not end: nothing may exit or signal the process.
    interrupter: new Interrupter({
      board,
      reaper: new Reaper(() => {}),
      reject: (started) => happened.push(`rejects start ${started}`),
    }),
    mainLoop: { blockedMs: undefined },
    shutdown: (code, reason) => happened.push(`shutdown ${code}: ${reason}`),
  };
  const loop = new TaskLoop({
    queue,
    board,
    runner: { run: () => new Promise(() => {}) },
    control: { drain: () => {}, deadline: () => {} },
    collectives: { ended: () => {} },
  });
  const client: TaskClient = {
    send: async (message) => {
      happened.push(`${message.type} ${'id' in message ? message.id : ''}`);
    },
  };
  const ask = (request: ControlRequest) =>
    answer(request, side, (forwarded) => {
      happened.push(`forwarded ${forwarded.type}`);
      carryOut(forwarded, loop);
    });
  const start = () => {
    const started = queue.next();
    if (started !== undefined) board.fold([started]);
  };
  return { ask, board, happened, loop, start, arrive: (n: number) => loop.arrive(task(n), [], client) };
}

test('ping and status are served in the control thread', () => {
  const { arrive, ask, happened, start } = engine();
  arrive(1);
  arrive(2);
  start();
  assert.is(ask({ type: 'ping', id: 1, to }), undefined);
  const { rss, ...status } = ask({ type: 'status', id: 2, to }) as EngineStatus;
  assert.ok(rss > 0);
  const expected = { uuid: to, pid: process.pid, running: 'c:1', queue: ['c:2'], outbox: [], completed: 0 };
  assert.equal(status, expected);
  assert.equal(happened, []);
});

test('abort and purge go to the main thread', () => {
  const { arrive, ask, board, happened } = engine();
  arrive(1);
  arrive(2);
  assert.is(ask({ type: 'abort', id: 1, to, ids: ['c:2'] }), undefined);
  assert.equal(happened, ['forwarded abort', 'reply c:2']);
  assert.equal(board.ids(), { queue: ['c:1'], outbox: ['c:2'] });
  ask({ type: 'purge', id: 2, to, client: 'c' });
  assert.is(happened.at(-1), 'forwarded purge');
  assert.equal(board.ids().outbox, []);
});

test('interrupt gives the id of the task that it ends, if that is one of those asked for', () => {
  const { arrive, ask, board, happened, start } = engine();
  assert.is(ask({ type: 'interrupt', id: 1, to }), null);
  arrive(1);
  start();
  assert.is(ask({ type: 'interrupt', id: 2, to, ids: ['c:2'] }), null);
  assert.equal(happened, []);
  assert.is(ask({ type: 'interrupt', id: 3, to, ids: ['c:1'] }), 'c:1');
  assert.equal(happened, ['rejects start 1']);
  // The task has ended: the interrupter looks no further.
  board.set('phase', 0);
});

test('shutdown ends the process with code 0', () => {
  const { ask, happened } = engine();
  ask({ type: 'shutdown', id: 1, to });
  assert.equal(happened, ['shutdown 0: a shutdown was asked for']);
});

test.run();
