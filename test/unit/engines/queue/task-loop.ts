// The loop that connects queue, runner and board, without a process: order, rosters, requests of the control thread, large
// results, and what observers are told.
import * as assert from 'uvu/assert';
import { Identity } from '../../../../engines/identity.ts';
import type { QueuedTask, TaskClient, TaskEnd } from '../../../../engines/queue/queue-event.ts';
import { StatusBoard } from '../../../../engines/queue/status-board.ts';
import { TaskLoop } from '../../../../engines/queue/task-loop.ts';
import { TaskQueue } from '../../../../engines/queue/task-queue.ts';
import { ConnectionError } from '../../../../src/errors.ts';
import type { ReplyMessage, TaskMessage } from '../../../../src/protocol/messages.ts';
import { type Deferred, deferred } from '../../../../src/util/deferred.ts';
import { live } from '../../../support/faults/held.ts';
import { waitFor } from '../../../support/links.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('task loop');
const LARGE = 2 ** 20 + 1;

const task = (n: number, extra: Partial<TaskMessage> = {}): TaskMessage => ({
  type: 'task',
  id: `c:${n}`,
  to: 'me',
  method: 'apply',
  label: 'apply',
  ...extra,
});

function endOf(id: string, status: ReplyMessage['status'] = 'ok', bytes = 0): TaskEnd {
  const metadata = { started: 1, completed: 2, stdout: '', stderr: '' };
  return { reply: { type: 'reply', id, status, metadata }, body: bytes === 0 ? [] : [new Uint8Array(bytes)] };
}

/** A loop whose tasks end at once with `ends`, or when the test says so. */
class Scene implements TaskClient {
  readonly board = new StatusBoard();
  readonly queue: TaskQueue<TaskClient>;
  readonly loop: TaskLoop;
  /** Everything that happened, in order. */
  readonly story: string[] = [];
  readonly replies: string[] = [];
  readonly sending: Deferred<void>[] = [];
  ends: (queued: QueuedTask<TaskClient>) => TaskEnd | Promise<TaskEnd> = ({ message }) => endOf(message.id);
  drained: () => void = () => {};
  closed = 0;

  constructor(readMs?: number, stillMs?: number) {
    this.queue = new TaskQueue({ identity: new Identity('me') });
    this.loop = new TaskLoop({
      queue: this.queue,
      board: this.board,
      readMs,
      stillMs,
      runner: {
        run: (queued) => {
          this.story.push(`run ${queued.message.id}`);
          assert.is(this.board.running()?.id, queued.message.id);
          return this.ends(queued);
        },
      },
      control: {
        drain: () => this.drained(),
        deadline: (started, ms) => this.story.push(`deadline of start ${started} after ${ms} ms`),
      },
      collectives: {
        ended: (message, failed) => this.story.push(`${message.id} ${failed ? 'failed' : 'ended'}`),
      },
    });
  }

  send(message: ReplyMessage, body: readonly Uint8Array[] = []): Promise<void> {
    this.story.push(`reply ${message.id} ${message.status}`);
    this.replies.push(message.id);
    const sent = deferred();
    this.sending.push(sent);
    if (body.length === 0) sent.resolve();
    return sent.promise;
  }

  async close(): Promise<void> {
    this.closed++;
    for (const sent of this.sending) sent.reject(new ConnectionError('closed'));
  }

  arrive(...messages: TaskMessage[]): void {
    for (const message of messages) this.loop.arrive(message, [], this);
  }
}

/** Resolves when a loop that begins now has run a task: whatever else could start has started. */
async function anotherLoopRuns(): Promise<void> {
  const scene = new Scene();
  scene.loop.roster(1);
  scene.arrive(task(1));
  await waitFor(() => scene.replies.length === 1, 'a task of another loop');
}

test('no task starts before the first roster; then they run in order, and each end is told before its reply', async () => {
  const scene = new Scene();
  scene.arrive(task(1), task(2));
  await anotherLoopRuns();
  assert.equal(scene.story, []);
  assert.equal(scene.board.ids().queue, ['c:1', 'c:2']);
  scene.loop.roster(1);
  await waitFor(() => scene.replies.length === 2, 'two replies');
  assert.equal(scene.story, ['run c:1', 'c:1 ended', 'reply c:1 ok', 'run c:2', 'c:2 ended', 'reply c:2 ok']);
  assert.equal(scene.board.ids(), { queue: [], outbox: ['c:1', 'c:2'] });
  assert.is(scene.board.get('completed'), 2);
});

test('a task waits for the roster that its client has seen', async () => {
  const scene = new Scene();
  scene.loop.roster(1);
  scene.arrive(task(1, { roster: 2 }));
  await anotherLoopRuns();
  assert.equal(scene.story, []);
  scene.loop.roster(2);
  await waitFor(() => scene.replies.length === 1, 'a reply');
});

test('a task that awaits keeps the next one waiting', async () => {
  const scene = new Scene();
  const first = deferred<TaskEnd>();
  scene.ends = ({ message }) => (message.id === 'c:1' ? first.promise : endOf(message.id));
  scene.loop.roster(1);
  scene.arrive(task(1), task(2));
  await waitFor(() => scene.story.length === 1, 'the first task');
  assert.is(scene.queue.running?.message.id, 'c:1');
  assert.equal(scene.board.ids().queue, ['c:2']);
  first.resolve(endOf('c:1', 'error'));
  await waitFor(() => scene.replies.length === 2, 'two replies');
  assert.equal(scene.story.slice(0, 3), ['run c:1', 'c:1 failed', 'reply c:1 error']);
  assert.is(scene.queue.running, null);
});

test('the next task waits until a large result has left, because it may write into it', async () => {
  const scene = new Scene();
  scene.ends = ({ message }) => endOf(message.id, 'ok', message.id === 'c:1' ? LARGE : 0);
  scene.loop.roster(1);
  scene.arrive(task(1), task(2));
  await waitFor(() => scene.replies.length === 1, 'the large reply');
  await anotherLoopRuns();
  assert.equal(scene.replies, ['c:1']);
  scene.sending[0]?.resolve();
  await waitFor(() => scene.replies.length === 2, 'the second reply');
});

test('the next task waits until all who get a large result have read it', async () => {
  const scene = new Scene();
  const read = deferred();
  scene.ends = ({ message }) => endOf(message.id, 'ok', message.id === 'c:1' ? LARGE : 0);
  scene.arrive(task(1), task(2));
  scene.loop.fetch('c:1', { send: () => read.promise });
  scene.loop.roster(1);
  await waitFor(() => scene.replies.length === 1, 'the large reply');
  read.resolve();
  await anotherLoopRuns();
  assert.equal(scene.replies, ['c:1'], 'its own client reads it yet');
  scene.sending[0]?.resolve();
  await waitFor(() => scene.replies.length === 2, 'the second reply');
});

/** A client with a large result, which has so many bytes to read at each look. */
function reading(left: (looks: number) => number): Scene & { looks: number } {
  const scene = Object.assign(new Scene(3_600_000, 5), { looks: 0 });
  Object.defineProperty(scene, 'pendingBytes', { get: () => left(++scene.looks) });
  scene.ends = ({ message }) => endOf(message.id, 'ok', message.id === 'c:1' ? LARGE : 0);
  scene.loop.roster(1);
  return scene;
}

test("another client's task does not wait for a client that stands still", async () => {
  const scene = reading(() => LARGE);
  scene.arrive(task(1), task(1, { id: 'd:1' }));
  await waitFor(() => scene.replies.length === 2, 'the reply to the other client');
  assert.is(scene.closed, 1);
});

test('a client that reads on is waited for, and one that stands still keeps its own tasks waiting', async () => {
  const slow = reading((looks) => LARGE - looks);
  slow.arrive(task(1), task(1, { id: 'd:1' }));
  const alone = reading(() => LARGE);
  alone.arrive(task(1), task(2));
  for (const scene of [slow, alone]) {
    await waitFor(() => scene.looks > 20, 'many looks');
    assert.equal([scene.closed, scene.replies], [0, ['c:1']]);
    scene.sending[0]?.resolve();
    await waitFor(() => scene.replies.length === 2, 'the second reply');
  }
});

test('a client that does not go on reading is cut off before the next task starts, and gets a copy when it is back', async () => {
  for (const bytes of [LARGE, 65 * 2 ** 20]) {
    const scene = new Scene(20);
    const end = endOf('c:1', 'ok', bytes);
    scene.ends = ({ message }) => {
      if (message.id === 'c:1') return end;
      assert.is(scene.closed, 1);
      end.body[0]?.fill(9);
      return endOf(message.id);
    };
    scene.loop.roster(1);
    scene.arrive(task(1));
    await waitFor(() => scene.replies.length === 1, 'the large reply');
    scene.arrive(task(2));
    await waitFor(() => scene.replies.length === 2, 'the second reply');
    const got: (readonly Uint8Array[])[] = [];
    const back: TaskClient = {
      send: async (_message, body = []) => void got.push(body),
    };
    scene.loop.arrive(task(1), [], back);
    assert.equal([got[0]?.[0]?.[0], got[0]?.[0]?.byteLength], [0, bytes]);
    scene.arrive(task(3));
    await waitFor(() => scene.replies.length === 3, 'a task behind the copy');
  }
});

test('it is not cut off while no other task waits', async () => {
  const scene = new Scene(1);
  scene.ends = ({ message }) => endOf(message.id, 'ok', LARGE);
  scene.loop.roster(1);
  scene.arrive(task(1));
  await waitFor(() => scene.replies.length === 1, 'the large reply');
  const later = new Scene(30);
  later.ends = scene.ends;
  later.loop.roster(1);
  later.arrive(task(1), task(2));
  await waitFor(() => later.closed === 1, 'a longer wait of another loop');
  assert.is(scene.closed, 0);
  scene.sending[0]?.resolve();
});

test('a result for which a client that does not read has no room is lost, and it is told so', async () => {
  const scene = new Scene();
  const errors: (string | undefined)[] = [];
  const client: TaskClient & { pendingBytes: number } = {
    pendingBytes: 2 ** 30 + 1,
    send: async (message) => {
      if (message.type === 'reply') errors.push(message.error?.message);
    },
  };
  scene.ends = ({ message }) => endOf(message.id, 'ok', 100);
  scene.loop.roster(1);
  scene.loop.arrive(task(1), [], client);
  await waitFor(() => errors.length === 1, 'its reply');
  assert.match(errors[0] as string, /the result of task 'c:1' was not sent: its client had not read 1024 MiB/);
  client.pendingBytes = 2 ** 30;
  scene.loop.arrive(task(2), [], client);
  await waitFor(() => errors.length === 2, 'the next one');
  assert.is(errors[1], undefined);
});

test('a link that broke is not kept, unless tasks wait that it has sent', async () => {
  const scene = new Scene();
  const lost = (messages: readonly TaskMessage[]): WeakRef<TaskClient> => {
    const client: TaskClient = { send: async () => {} };
    for (const message of messages) scene.loop.arrive(message, [], client);
    scene.loop.clientDown(client);
    return new WeakRef(client);
  };
  const [idle, busy] = [lost([]), lost([task(1)])];
  // A reference lives until the end of its turn.
  await new Promise((resolve) => setImmediate(resolve));
  live();
  assert.is(idle.deref(), undefined);
  assert.ok(busy.deref());
});

test('a large result whose client is gone holds up nothing', async () => {
  const scene = new Scene();
  scene.ends = ({ message }) => endOf(message.id, 'ok', message.id === 'c:1' ? LARGE : 0);
  scene.loop.roster(1);
  scene.arrive(task(1), task(2));
  await waitFor(() => scene.replies.length === 1, 'the large reply');
  scene.sending[0]?.reject(new ConnectionError('gone'));
  await waitFor(() => scene.replies.length === 2, 'the second reply');
});

test('a reply that cannot be encoded fails its task and holds up nothing', async () => {
  for (const failures of [1, 2]) {
    const scene = new Scene();
    let left = failures;
    const replies: ReplyMessage[] = [];
    const client: TaskClient = {
      send: async (message) => void replies.push(message as ReplyMessage),
    };
    const failing: TaskClient = {
      send: (message) => {
        if (left-- > 0) throw new RangeError('Invalid string length');
        return client.send(message);
      },
    };
    scene.loop.roster(1);
    scene.loop.arrive(task(1), [], failing);
    scene.loop.arrive(task(2), [], client);
    await waitFor(() => replies.at(-1)?.id === 'c:2', 'the second reply');
    assert.is(replies.length, 3 - failures);
    if (failures === 2) continue;
    assert.is(replies[0]?.status, 'error');
    assert.is(replies[0]?.error?.message, "the reply of task 'c:1' cannot be sent: RangeError: Invalid string length");
  }
});

test('an abort that the control thread has acknowledged wins over a later start', async () => {
  const scene = new Scene();
  scene.loop.roster(1);
  scene.arrive(task(1), task(2));
  scene.drained = () => scene.loop.abort(['c:1', 'c:2', 'c:3']);
  await waitFor(() => scene.replies.length === 2, 'two replies');
  scene.drained = () => {};
  scene.arrive(task(3), task(4));
  await waitFor(() => scene.replies.length === 4, 'four replies');
  const aborted = ['c:1', 'c:2', 'c:3'].map((id) => `reply ${id} aborted`);
  assert.equal(scene.story, [...aborted, 'run c:4', 'c:4 ended', 'reply c:4 ok']);
  assert.is(scene.board.get('completed'), 4);
});

test('a limit of time names the start that it is for', async () => {
  const scene = new Scene();
  scene.loop.roster(1);
  scene.arrive(task(1), task(2, { runTimeout: 50 }));
  await waitFor(() => scene.replies.length === 2, 'two replies');
  assert.is(scene.story[3], 'deadline of start 2 after 50 ms');
});

test('kept replies go to those who ask, and are freed by id or for a whole client', async () => {
  const scene = new Scene();
  scene.loop.roster(1);
  scene.arrive(task(1), task(2), task(3, { id: 'other:1' }));
  await waitFor(() => scene.replies.length === 3, 'three replies');
  scene.loop.fetch('c:1', scene);
  assert.is(scene.replies.at(-1), 'c:1');
  scene.loop.purge(['c:1'], undefined);
  assert.equal(scene.board.ids().outbox, ['c:2', 'other:1']);
  scene.loop.purge(undefined, 'c');
  assert.equal(scene.board.ids().outbox, ['other:1']);
  scene.loop.fetch('c:2', scene);
  assert.is(scene.story.at(-1), 'reply c:2 refused');
});

test('after stop no task starts', async () => {
  const scene = new Scene();
  scene.loop.roster(1);
  scene.arrive(task(1));
  scene.loop.stop();
  await anotherLoopRuns();
  assert.equal(scene.story, []);
});

test.run();
