// The task queue against a model: whatever comes in whatever order, a task runs at most once, in order, and is answered.
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { Identity } from '../../../../engines/identity.ts';
import type { QueueEvent } from '../../../../engines/queue/queue-event.ts';
import { TaskQueue } from '../../../../engines/queue/task-queue.ts';
import type { TaskMessage } from '../../../../src/protocol/messages.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('task queue, model');

type State = 'waiting' | 'running' | 'kept' | 'forgotten';

/** A plain account of what the queue must do. */
class Model {
  readonly states = new Map<string, State>();
  readonly clients = new Map<string, string>();
  readonly order: string[] = [];
  readonly aborted = new Set<string>();
  readonly watchers = new Map<string, string[]>();
  readonly started: string[] = [];

  get running(): string | undefined {
    return [...this.states].find(([, state]) => state === 'running')?.[0];
  }

  /** The task is over: who gets the reply. */
  end(id: string): string[] {
    this.states.set(id, 'kept');
    const to = [this.clients.get(id) as string, ...(this.watchers.get(id) ?? [])];
    this.watchers.delete(id);
    return to.map((client) => `${id} to ${client}`);
  }

  drop(ids: readonly string[]): string[] {
    return this.order
      .filter((id) => ids.includes(id))
      .flatMap((id) => {
        this.order.splice(this.order.indexOf(id), 1);
        return this.end(id);
      });
  }
}

interface Bench {
  readonly queue: TaskQueue<string>;
  readonly model: Model;
}

const replies = (events: readonly QueueEvent<string>[]): string[] =>
  events.flatMap((event) => (event.type === 'reply' ? [`${event.reply.id} to ${event.to}`] : []));

type Step = (bench: Bench) => void;

const arrive =
  (id: string, client: string): Step =>
  ({ queue, model }) => {
    const message: TaskMessage = { type: 'task', id, to: 'me', method: 'apply', label: 'apply' };
    const got = replies(queue.arrive(message, [], client));
    const state = model.states.get(id);
    if (state === 'kept' || state === 'forgotten') assert.equal(got, [`${id} to ${client}`]);
    else model.clients.set(id, client);
    if (state !== undefined) return;
    model.states.set(id, 'waiting');
    model.order.push(id);
    assert.equal(got, model.aborted.delete(id) ? model.drop([id]) : []);
  };

const next: Step = ({ queue, model }) => {
  const id = queue.next()?.task.message.id;
  assert.is(id, model.running === undefined ? model.order.shift() : undefined);
  if (id === undefined) return;
  model.states.set(id, 'running');
  model.started.push(id);
};

const finish =
  (id: string): Step =>
  ({ queue, model }) => {
    const metadata = { started: 1, completed: 2, stdout: '', stderr: '' };
    const got = replies(queue.finished(id, { reply: { type: 'reply', id, status: 'ok', metadata }, body: [] }));
    assert.equal(got, model.running === id ? model.end(id) : []);
  };

const abort =
  (id: string): Step =>
  ({ queue, model }) => {
    const got = replies(queue.abort([id]));
    if (!model.states.has(id)) model.aborted.add(id);
    assert.equal(got, model.drop([id]));
  };

const fetchReply =
  (id: string, client: string): Step =>
  ({ queue, model }) => {
    const events = queue.fetch(id, client);
    const state = model.states.get(id);
    if (state === 'waiting' || state === 'running') {
      // One link gets one answer, however often it asks.
      model.watchers.set(id, [...new Set([...(model.watchers.get(id) ?? []), client])]);
      assert.equal(events, []);
    } else {
      assert.equal(replies(events), [`${id} to ${client}`]);
      const status = events[0]?.type === 'reply' ? events[0].reply.status : '';
      assert.is(status === 'refused', state !== 'kept');
    }
  };

const gone =
  (client: string): Step =>
  ({ queue, model }) => {
    const its = model.order.filter((id) => model.clients.get(id) === client);
    assert.equal(replies(queue.clientGone(client)), model.drop(its));
  };

const purge =
  (id: string): Step =>
  ({ queue, model }) => {
    const freed = queue.purge([id]).length;
    assert.is(freed, model.states.get(id) === 'kept' ? 1 : 0);
    if (freed > 0) model.states.set(id, 'forgotten');
  };

const id = fc.integer({ min: 1, max: 8 }).map((n) => `c:${n}`);
const client = fc.constantFrom('a', 'b', 'c');
const steps = fc.array(
  fc.oneof(
    fc.tuple(id, client).map(([i, c]) => arrive(i, c)),
    fc.constant(next),
    id.map(finish),
    id.map(abort),
    fc.tuple(id, client).map(([i, c]) => fetchReply(i, c)),
    client.map(gone),
    id.map(purge),
  ),
  { maxLength: 60 },
);

test('property: any order of messages', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const identity = new Identity('me');
      const bench = { queue: new TaskQueue<string>({ identity, now: () => 1 }), model: new Model() };
      for (const step of all) step(bench);
      const { started } = bench.model;
      assert.is(new Set(started).size, started.length, 'no task starts twice');
      // All that waits is answered when the engine goes on.
      while (bench.model.running !== undefined || bench.model.order.length > 0) {
        const running = bench.model.running;
        if (running === undefined) next(bench);
        else finish(running)(bench);
      }
      assert.is(bench.queue.next(), undefined);
    }),
    { numRuns: 1000 },
  );
});

test.run();
