// The sans-I/O core: order, de-duplication, abort, refusal, kept replies, and the events that say so. No process, no
// socket, no clock.
import * as assert from 'uvu/assert';
import { Identity } from '../../../../engines/identity.ts';
import type { QueueEvent, Reply, TaskEnd } from '../../../../engines/queue/queue-event.ts';
import { StatusBoard } from '../../../../engines/queue/status-board.ts';
import { TaskQueue } from '../../../../engines/queue/task-queue.ts';
import type { ReplyMessage, TaskMessage } from '../../../../src/protocol/messages.ts';
import type { Method } from '../../../../src/protocol/methods.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('engine core');

const task = (n: number, method: Method = 'apply', to = 'me'): TaskMessage => ({
  type: 'task',
  id: `c:${n}`,
  to,
  method,
  label: method,
});
const outcome = (n: number, status: ReplyMessage['status'] = 'ok', bytes = 0): TaskEnd => ({
  reply: { type: 'reply', id: `c:${n}`, status, metadata: { started: 1, completed: 2, stdout: '', stderr: '' } },
  body: bytes === 0 ? [] : [new Uint8Array(bytes)],
});

/** A queue whose events go into a board, as in an engine. Its methods give the replies. */
class Observed {
  readonly queue: TaskQueue<string>;
  readonly board = new StatusBoard();
  readonly events: QueueEvent<string>[] = [];

  time = 0;

  constructor(outboxBytes?: number) {
    const identity = new Identity('me');
    identity.id = 3;
    this.queue = new TaskQueue({ identity, now: () => 42, outboxBytes, outboxAge: 5000, clock: () => this.time });
  }

  expire() {
    return this.#happened(this.queue.expire());
  }

  #happened(events: readonly QueueEvent<string>[]): Reply<string>[] {
    this.events.push(...events);
    this.board.fold(events);
    return events.filter((event) => event.type === 'reply');
  }

  arrive(message: TaskMessage, body: readonly Uint8Array[], client: string) {
    return this.#happened(this.queue.arrive(message, body, client));
  }

  next() {
    const started = this.queue.next();
    if (started !== undefined) this.#happened([started]);
    return started?.task;
  }

  finished(id: string, end: TaskEnd) {
    return this.#happened(this.queue.finished(id, end));
  }

  abort(ids: readonly string[]) {
    return this.#happened(this.queue.abort(ids));
  }

  clientGone(client: string) {
    return this.#happened(this.queue.clientGone(client));
  }

  fetch(id: string, client: string) {
    return this.#happened(this.queue.fetch(id, client));
  }

  purge(ids: readonly string[]) {
    return this.#happened(this.queue.purge(ids));
  }

  purgeClient(uuid: string) {
    return this.#happened(this.queue.purgeClient(uuid));
  }

  get queued() {
    return this.board.ids().queue;
  }

  get queueLength() {
    return this.queued.length;
  }

  get outbox() {
    return this.board.ids().outbox;
  }

  get completed() {
    return this.board.get('completed');
  }

  /** The events since the last call, in short. */
  story(): string[] {
    return this.events.splice(0).map((event) => {
      if (event.type === 'reply') return `reply ${event.reply.id} to ${event.to}`;
      return `${event.type} ${'task' in event ? event.task.message.id : event.id}`;
    });
  }
}

const engine = (outboxBytes?: number) => new Observed(outboxBytes);
test("a message with another client's task id does not take the answer away from a link that is there", () => {
  const open = new Set(['owner']);
  const queue = new TaskQueue<string>({ identity: new Identity('me'), isOpen: (link) => open.has(link) });
  queue.arrive(task(1), [], 'owner');
  for (let i = 0; i < 1000; i++) assert.equal(queue.arrive(task(1), [], `thief ${i}`), []);
  queue.next();
  const to = (events: readonly QueueEvent<string>[]) => events.flatMap((e) => (e.type === 'reply' ? [e.to] : []));
  assert.equal(to(queue.finished('c:1', outcome(1))), ['thief 999', 'owner']);
  open.clear();
  queue.arrive(task(2), [], 'owner');
  queue.arrive(task(2), [], 'owner again');
  queue.next();
  assert.equal(to(queue.finished('c:2', outcome(2))), ['owner again']);
});

test('64 links may wait for the result of one task, each once; a further one is told so', () => {
  const e = engine();
  e.arrive(task(1), [], 'owner');
  e.next();
  for (let i = 0; i < 200; i++) assert.equal(e.fetch('c:1', 'one'), []);
  for (let i = 1; i < 64; i++) assert.equal(e.fetch('c:1', `other ${i}`), []);
  const [refusal] = e.fetch('c:1', 'too late') as [Reply<string>];
  assert.match(refusal.reply.error?.message as string, /64 clients wait for the result of task 'c:1'/);
  const to = e.finished('c:1', outcome(1)).map((reply) => reply.to);
  assert.equal([to.length, new Set(to).size], [65, 65]);
});

test('the bytes of kept replies count texts of errors, too', () => {
  const e = engine();
  const before = e.queue.keptBytes;
  e.arrive(task(1), [], 'a');
  e.next();
  const { reply } = outcome(1);
  const error = { name: 'Error', message: 'm'.repeat(5000), stack: 's'.repeat(3000) };
  e.finished('c:1', { reply: { ...reply, status: 'error', error }, body: [] });
  assert.ok(e.queue.keptBytes - before > 8000);
  e.purge(['c:1']);
  assert.is(e.queue.keptBytes, before);
});

const replies = (list: Reply<string>[]) => list.map((i) => [i.to, i.reply.id, i.reply.status]);

test('tasks run one at a time in order of arrival', () => {
  const e = engine();
  for (const n of [1, 2, 3]) e.arrive(task(n), [], 'a');
  assert.is(e.next()?.message.id, 'c:1');
  assert.is(e.next(), undefined);
  assert.equal(e.queued, ['c:2', 'c:3']);
  assert.equal(replies(e.finished('c:1', outcome(1))), [['a', 'c:1', 'ok']]);
  assert.is(e.next()?.message.id, 'c:2');
});

test('a task for another incarnation is refused, with both uuids', () => {
  const e = engine();
  const [refusal] = e.arrive(task(1, 'apply', 'old'), [], 'a');
  assert.ok(refusal?.type === 'reply');
  assert.is(refusal.reply.status, 'refused');
  assert.match(refusal.reply.error?.message ?? '', /incarnation old, but engine 3 is now me/);
  assert.is(e.next(), undefined);
});

test('a task that comes again while queued or running does not run again; the answer goes to the new link', () => {
  const e = engine();
  e.arrive(task(1), [], 'a');
  assert.equal(e.arrive(task(1), [], 'b'), []);
  e.next();
  assert.equal(e.arrive(task(1), [], 'c'), []);
  assert.is(e.queueLength, 0);
  assert.equal(replies(e.finished('c:1', outcome(1))), [['c', 'c:1', 'ok']]);
});

test('a finished task that comes again is answered from the outbox', () => {
  const e = engine();
  e.arrive(task(1), [], 'a');
  e.next();
  e.finished('c:1', outcome(1));
  assert.equal(replies(e.arrive(task(1), [], 'b')), [['b', 'c:1', 'ok']]);
  assert.equal(replies(e.fetch('c:1', 'd')), [['d', 'c:1', 'ok']]);
  assert.equal(replies(e.fetch('c:9', 'd')), [['d', 'c:9', 'refused']]);
  assert.is(e.next(), undefined);
});

test('the outbox is bounded: the oldest results go, and their tasks still do not run again', () => {
  const e = engine(10_000);
  for (const n of [1, 2, 3]) {
    e.arrive(task(n), [], 'a');
    e.next();
    e.finished(`c:${n}`, outcome(n, 'ok', 4000));
  }
  assert.equal(e.outbox, ['c:2', 'c:3']);
  const [lost] = e.arrive(task(1), [], 'a');
  assert.ok(lost?.type === 'reply');
  assert.match(lost.reply.error?.message ?? '', /no longer kept/);
  assert.is(e.next(), undefined);
});

test('a result that nobody collects goes by age, and the error says why each went', () => {
  const e = engine(10_000);
  const run = (n: number, bytes: number) => {
    e.arrive(task(n), [], 'a');
    e.next();
    e.finished(`c:${n}`, outcome(n, 'ok', bytes));
  };
  const why = (n: number) => {
    const [reply] = e.fetch(`c:${n}`, 'b');
    return reply?.type === 'reply' ? `${reply.reply.error?.name}: ${reply.reply.error?.message}` : 'no reply';
  };
  run(1, 100);
  e.time = 4000;
  run(2, 100);
  e.expire();
  assert.equal(e.outbox, ['c:1', 'c:2'], 'neither is old');
  e.time = 5000;
  e.expire();
  assert.equal(e.outbox, ['c:2']);
  const ran = (n: number) => `ResultLost: task 'c:${n}' ran on engine 3, but its result is no longer kept: it`;
  assert.is(why(1), `${ran(1)} was dropped: nobody collected it within 5 s`);
  const [again] = e.arrive(task(1), [], 'c');
  assert.match(again?.type === 'reply' ? (again.reply.error?.message ?? '') : '', /nobody collected it within 5 s/);
  assert.is(e.next(), undefined, 'it does not run again');
  run(3, 9400);
  assert.is(why(2), `${ran(2)} made room for later ones: an engine keeps 0 MiB of results`);
  run(4, 20_000);
  e.queue.arrived('c:4');
  assert.is(why(4), `${ran(4)} is larger than the 0 MiB that an engine keeps, so it was kept until it arrived`);
  e.time = 20_000;
  run(5, 100);
  assert.equal(e.outbox, ['c:5'], 'each new one looks for old ones, too');
});

test('a result larger than the whole outbox is sent but not kept', () => {
  const e = engine(10_000);
  e.arrive(task(1), [], 'a');
  e.next();
  assert.is(e.finished('c:1', outcome(1, 'ok', 20_000)).length, 1);
  assert.equal(e.outbox, []);
});

test('abort takes queued tasks, not the running one, and says which task on which engine', () => {
  const e = engine();
  for (const n of [1, 2, 3]) e.arrive(task(n), [], 'a');
  e.next();
  const out = e.abort(['c:1', 'c:3']);
  assert.equal(replies(out), [['a', 'c:3', 'aborted']]);
  assert.ok(out[0]?.type === 'reply');
  assert.is(out[0].reply.error?.message, "task 'c:3' on engine 3 was aborted before it started");
  assert.equal(e.queued, ['c:2']);
});

test('an abort that overtakes its task is remembered', () => {
  const e = engine();
  assert.equal(e.abort(['c:5']), []);
  assert.equal(replies(e.arrive(task(5), [], 'a')), [['a', 'c:5', 'aborted']]);
  assert.is(e.next(), undefined);
});

test('remembered aborts are bounded', () => {
  const e = engine();
  e.abort(Array.from({ length: 10_001 }, (_, n) => `c:${n}`));
  assert.equal(e.arrive(task(0), [], 'a'), [], 'the oldest was forgotten');
  assert.is(e.arrive(task(10_000), [], 'a').length, 1);
});

test('a client that is gone takes what it has queued with it, and nothing else', () => {
  const e = engine();
  e.arrive(task(1), [], 'a');
  e.arrive({ ...task(1), id: 'd:1' }, [], 'b');
  assert.equal(replies(e.clientGone('b')), [['b', 'd:1', 'aborted']]);
  assert.equal(replies(e.clientGone('a')), [['a', 'c:1', 'aborted']]);
});

test('a failed execute that stops the queue aborts queued execute tasks, not apply', () => {
  const e = engine();
  e.arrive(task(1, 'execute'), [], 'a');
  e.arrive(task(2, 'apply'), [], 'a');
  e.arrive(task(3, 'execute'), [], 'a');
  e.next();
  const out = e.finished('c:1', { ...outcome(1, 'error'), stopsQueue: true });
  assert.equal(replies(out), [
    ['a', 'c:1', 'error'],
    ['a', 'c:3', 'aborted'],
  ]);
  assert.equal(e.queued, ['c:2']);
});

test('the second end of an interrupted task is ignored', () => {
  const e = engine();
  e.arrive(task(1), [], 'a');
  e.next();
  e.finished('c:1', outcome(1, 'error'));
  assert.equal(e.finished('c:1', outcome(1)), []);
  assert.is(e.completed, 1);
});

test('each event is told once, in order: queued, started, ended, kept, and then the reply', () => {
  const e = engine();
  e.arrive(task(1), [], 'a');
  assert.equal(e.story(), ['queued c:1']);
  e.arrive(task(1), [], 'b');
  assert.equal(e.story(), [], 'a task that comes again is no event');
  e.next();
  assert.equal(e.story(), ['started c:1']);
  e.fetch('c:1', 'other');
  assert.equal(e.story(), []);
  e.finished('c:1', outcome(1));
  assert.equal(e.story(), ['ended c:1', 'kept c:1', 'reply c:1 to b', 'reply c:1 to other']);
  e.finished('c:1', outcome(1));
  assert.equal(e.story(), []);
});

test('an aborted task is dropped, also one that comes after its abort', () => {
  const e = engine();
  e.arrive(task(1), [], 'a');
  e.abort(['c:1', 'c:2']);
  assert.equal(e.story(), ['queued c:1', 'dropped c:1', 'kept c:1', 'reply c:1 to a']);
  e.arrive(task(2), [], 'a');
  assert.equal(e.story(), ['queued c:2', 'dropped c:2', 'kept c:2', 'reply c:2 to a']);
  assert.is(e.completed, 2);
  assert.equal(e.queued, []);
});

test('a failed execute tells the end of its own task before it drops others', () => {
  const e = engine();
  e.arrive(task(1, 'execute'), [], 'a');
  e.arrive(task(2, 'execute'), [], 'a');
  e.next();
  e.story();
  e.finished('c:1', { ...outcome(1, 'error'), stopsQueue: true });
  const own = ['ended c:1', 'kept c:1', 'reply c:1 to a'];
  assert.equal(e.story(), [...own, 'dropped c:2', 'kept c:2', 'reply c:2 to a']);
});

test('replies that make room are evicted, and those that are freed are purged', () => {
  const e = engine(10_000);
  for (const n of [1, 2, 3]) {
    e.arrive(task(n), [], 'a');
    e.next();
    e.finished(`c:${n}`, outcome(n, 'ok', 4000));
  }
  assert.equal(e.story().slice(-4), ['ended c:3', 'kept c:3', 'evicted c:1', 'reply c:3 to a']);
  e.purge(['c:2', 'c:9']);
  assert.equal(e.story(), ['purged c:2']);
  assert.equal(e.outbox, ['c:3']);
  e.purgeClient('d');
  assert.equal(e.story(), []);
  e.purgeClient('c');
  assert.equal(e.story(), ['purged c:3']);
  assert.equal(e.outbox, []);
});

test('a refused task is no event but its reply', () => {
  const e = engine();
  e.arrive(task(1, 'apply', 'old'), [], 'a');
  assert.equal(e.story(), ['reply c:1 to a']);
  assert.is(e.completed, 0);
});

test('tasks of a client that is gone are not told as aborted: nobody aborted them', () => {
  const e = engine();
  e.arrive(task(1), [], 'a');
  e.next();
  e.arrive(task(2), [], 'a');
  e.arrive({ ...task(3), id: 'd:3' }, [], 'b');
  const errors = [...e.queue.clientGone('a', '600 s'), ...e.queue.ownerGone('d')].flatMap((event) =>
    event.type === 'reply' ? [event.reply.error] : [],
  );
  assert.equal(
    errors.map((error) => [error?.name, error?.message.replace(/ on .* never/, ' never')]),
    [
      ['ConnectionError', "task 'c:2' never started: its client was gone for 600 s"],
      ['ConnectionError', "task 'd:3' never started: its client died"],
    ],
  );
});

test.run();
