// The board in shared memory: what another thread reads after each event, also with more ids than it shows.
import * as assert from 'uvu/assert';
import type { QueuedTask, QueueEvent } from '../../../../engines/queue/queue-event.ts';
import { PHASE, StatusBoard } from '../../../../engines/queue/status-board.ts';
import type { ReplyMessage, TaskId } from '../../../../src/protocol/messages.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('status board');
const SHOWN = 4096;
const CLIENT = '7f9c24e8-3b4a-4b0e-9d1c-2a6f5e8d7c6b';

type Happened = QueueEvent<undefined>;
const idOf = (n: number): TaskId => `${CLIENT}:${n}`;
const task = (n: number): QueuedTask<undefined> => ({
  message: { type: 'task', id: idOf(n), to: 'me', method: 'apply', label: 'apply' },
  body: [],
  client: undefined,
});
const reply = (n: number): ReplyMessage => ({
  type: 'reply',
  id: idOf(n),
  status: 'ok',
  metadata: { started: 1, completed: 2, stdout: '', stderr: '' },
});
const queued = (n: number): Happened => ({ type: 'queued', task: task(n) });
const started = (n: number): Happened => ({ type: 'started', task: task(n) });
const dropped = (n: number): Happened => ({ type: 'dropped', task: task(n) });
const ended = (n: number): Happened => ({ type: 'ended', task: task(n), reply: reply(n) });
const stock = (type: 'kept' | 'evicted' | 'purged', n: number): Happened => ({ type, id: idOf(n) });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** The board that writes, and the same memory as another thread sees it. */
function boards(): { main: StatusBoard; seen: StatusBoard } {
  const main = new StatusBoard();
  return { main, seen: new StatusBoard(main.buffer) };
}

test('a task is in the queue, then it runs, then its reply is kept', () => {
  const { main, seen } = boards();
  main.fold([queued(1), queued(2)]);
  assert.equal(seen.ids(), { queue: [idOf(1), idOf(2)], outbox: [] });
  assert.is(seen.running(), null);
  main.fold([started(1)]);
  assert.equal(seen.ids().queue, [idOf(2)]);
  assert.equal(seen.running(), { id: idOf(1), started: 1 });
  main.fold([ended(1), stock('kept', 1)]);
  assert.is(seen.running(), null);
  assert.is(seen.get('phase'), PHASE.idle);
  assert.equal(seen.ids(), { queue: [idOf(2)], outbox: [idOf(1)] });
  assert.is(seen.get('completed'), 1);
});

test('tasks that are dropped leave from the middle, and the others keep their order', () => {
  const { main, seen } = boards();
  main.fold(range(0, 6).map(queued));
  main.fold([dropped(1), stock('kept', 1), dropped(4), stock('kept', 4)]);
  assert.equal(seen.ids(), { queue: [0, 2, 3, 5].map(idOf), outbox: [1, 4].map(idOf) });
  assert.is(seen.get('completed'), 2);
  main.fold([started(0)]);
  main.fold([ended(0)]);
  main.fold([started(2)]);
  assert.equal(seen.ids().queue, [3, 5].map(idOf));
  assert.equal(seen.running(), { id: idOf(2), started: 2 });
});

test('kept replies are evicted at the front and purged anywhere', () => {
  const { main, seen } = boards();
  main.fold(range(0, 5).map((n) => stock('kept', n)));
  main.fold([stock('evicted', 0)]);
  main.fold([stock('purged', 2), stock('purged', 4)]);
  assert.equal(seen.ids().outbox, [1, 3].map(idOf));
});

test('of a longer queue the newest ids show, and the running task is the true one', () => {
  const { main, seen } = boards();
  const n = 10_000;
  main.fold(range(0, n).map(queued));
  assert.equal(seen.ids().queue, range(n - SHOWN, n).map(idOf));
  main.fold([started(0)]);
  assert.equal(seen.running(), { id: idOf(0), started: 1 });
  // One that is shown no more, and one that is.
  main.fold([dropped(1), dropped(n - 1)]);
  main.fold([ended(0)]);
  for (const at of range(2, n - 3)) {
    main.fold([started(at)]);
    main.fold([ended(at)]);
  }
  assert.equal(seen.ids().queue, [n - 3, n - 2].map(idOf));
  assert.is(seen.get('completed'), n - 2);
});

test('the rings go round for ever', () => {
  const { main, seen } = boards();
  for (const n of range(0, 3 * SHOWN)) {
    main.fold([queued(n)]);
    main.fold([started(n)]);
    main.fold([ended(n), stock('kept', n), ...(n >= 2 ? [stock('evicted', n - 2)] : [])]);
  }
  const last = 3 * SHOWN - 1;
  assert.equal(seen.ids(), { queue: [], outbox: [last - 1, last].map(idOf) });
});

test.run();
