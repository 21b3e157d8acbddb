// Tasks and their attempts: what belongs to which, and which outcome counts.
import * as assert from 'uvu/assert';
import type { Attempt } from '../../../../src/client/links/attempt.ts';
import { Task } from '../../../../src/client/links/task.ts';
import { BalancedTask, type TaskOwner } from '../../../../src/client/load-balanced/balanced-task.ts';
import { DurationEstimate } from '../../../../src/client/load-balanced/duration-estimate.ts';
import { EngineError, RemoteError } from '../../../../src/errors.ts';
import type { EngineRecord } from '../../../../src/protocol/messages/engine-record.ts';
import type { ReplyMetadata } from '../../../../src/protocol/messages.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/links/task');
const engine = (id: number) => ({ id, uuid: `uuid-${id}` }) as EngineRecord;
const bad = new RemoteError({ ename: 'RangeError', evalue: 'bad' });
const reply = (stdout: string): ReplyMetadata => ({ started: 5, completed: 7, stdout, stderr: '' });
const only = ({ attempt }: Task) => attempt as Attempt;

test('a task has the times and the output of its attempt; the first outcome counts', () => {
  const task = new Task('c:1', engine(3), 'apply');
  const heard: string[] = [];
  only(task).output({ stream: 'stdout', text: 'one ' });
  task.listen((event) => heard.push(event.stream === 'stdout' ? event.text : event.stream));
  only(task).output({ stream: 'display', bundle: { 'text/plain': 'shown' } });
  only(task).output({ stream: 'data', data: { i: 1 } });
  assert.equal([task.started, task.completed, task.status], [null, null, 'pending']);
  only(task).succeed(6, reply('one two'));
  only(task).fail(bad);
  task.fail(new EngineError('too late'));
  assert.equal(heard, ['one ', 'display', 'data', 'two']);
  assert.equal([task.stdout, task.outputs.length, task.data], ['one two', 1, { i: 1 }]);
  assert.equal([task.started, task.completed, task.status], [5, 7, 'ok']);
  assert.equal(task.outcome, { ok: true, value: 6 });
  assert.equal([task.metadata.engineId, task.wireId], [3, 'c:1']);
});

test('output without end: the newest text, displays and keys are kept', () => {
  const task = new Task('c:1', engine(0), 'apply');
  const piece = 'x'.repeat(2 ** 20);
  for (let n = 0; n < 40; n++) {
    only(task).output({ stream: 'stdout', text: `${n}${piece}` });
    assert.ok(task.stdout.length <= 2 ** 24);
  }
  assert.ok(task.stdout.length >= 2 ** 23);
  assert.ok(task.stdout.includes('39x'));
  for (let n = 0; n < 10_005; n++) only(task).output({ stream: 'display', bundle: { 'text/plain': `${n}` } });
  assert.equal([task.outputs.length, task.outputs[0]?.['text/plain']], [10_000, '5']);
  for (const n of [1, 2, 3]) only(task).output({ stream: 'display', bundle: { 'text/plain': `${n}` }, bytes: 2 ** 27 });
  assert.equal(
    task.outputs.map((bundle) => bundle['text/plain']),
    ['2', '3'],
  );
  const data = Object.fromEntries(Array.from({ length: 10_003 }, (_, n) => [`k${n}`, n]));
  for (const more of [data, { k10003: 1 }, { k10004: 1 }]) only(task).output({ stream: 'data', data: more });
  assert.equal([Object.keys(task.data).length, task.data['k4'], task.data['k5']], [10_000, undefined, 5]);
});

test('a task whose engine died has ended when the client learnt of it', () => {
  const task = new Task('c:2', engine(0), 'apply');
  only(task).fail(new EngineError('died'));
  assert.is(task.started, null);
  assert.is(task.completed, task.received);
  assert.type(task.received, 'number');
});

/** A task of a load-balanced call; its owner queues it again after each failed attempt. */
function balanced(): BalancedTask {
  const owner: TaskOwner = { retries: (_, attempt) => attempt.outcome?.ok === false, withdraw: () => false };
  const policy = { priority: 0, retries: 9, targets: undefined, hwm: 1, idleOnly: false };
  const request = () => ({ method: 'apply' as const, body: [] });
  const call = { label: 'apply', policy, timeout: undefined, runTimeout: undefined, request };
  return new BalancedTask('c:3', { ...call, duration: new DurationEstimate(), owner }, 0, owner);
}

test('another attempt begins with nothing; the output and the replies of the one before count no more', () => {
  const task = balanced();
  assert.equal([task.attempt, task.engine, task.stdout, task.wireId], [undefined, undefined, '', 'c:3']);
  const first = task.tryOn(engine(0));
  first.output({ stream: 'stderr', text: 'oh' });
  first.output({ stream: 'data', data: { tried: 1 } });
  first.fail(bad, reply('half'));
  assert.equal([task.outcome, task.status, task.completed], [undefined, 'pending', null]);
  const second = task.tryOn(engine(1));
  assert.equal([task.stdout, task.stderr, task.data, task.engine?.id], ['', '', {}, 1]);
  first.succeed(1);
  assert.is(task.outcome, undefined, 'a late reply to an attempt that has ended');
  second.succeed(2, reply('whole'));
  assert.equal([task.outcome, task.stdout, task.completed], [{ ok: true, value: 2 }, 'whole', 7]);
});

test('an attempt after a theft has an id of its own; the task keeps its id', () => {
  const task = balanced();
  assert.is(task.tryOn(engine(0)).id, 'c:3');
  task.steals = 1;
  assert.equal([task.tryOn(engine(0)).id, task.wireId, task.id], ['c:3~1', 'c:3~1', 'c:3']);
});

test('a task that is given up has no output; one that ends as an earlier attempt has that one’s', () => {
  const [given, ended] = [balanced(), balanced()];
  for (const task of [given, ended]) task.tryOn(engine(0)).fail(bad, reply('tried'));
  const failedAttempt = only(ended);
  ended.tryOn(engine(1)).fail(bad, reply('tried again'));
  given.giveUp(new EngineError('no engine is left'));
  ended.endAs(failedAttempt);
  assert.equal([given.stdout, given.status, given.metadata.engineId], ['', 'error', 0]);
  assert.equal([ended.stdout, ended.outcome], ['tried', { ok: false, error: bad }]);
});

test('a task is sent when its message has arrived, or when it has ended', async () => {
  const settled: string[] = [];
  const turn = () => new Promise(setImmediate);
  const watched = (name: string, delivery: Promise<void> | undefined) => {
    const task = new Task(`c:${name}`, engine(0), 'push');
    only(task).delivery = delivery;
    void task.sent.then(() => settled.push(name));
    return task;
  };
  let arrive = () => {};
  const arriving = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  watched('small', Promise.resolve());
  watched('large', arriving);
  const broken = watched('broken', Promise.reject(new Error('the link broke')));
  const relayed = watched('relayed', undefined);
  await turn();
  assert.equal(settled, ['small']);
  arrive();
  await turn();
  assert.equal(settled, ['small', 'large']);
  only(broken).fail(bad);
  only(relayed).succeed(1, reply(''));
  await turn();
  assert.equal(settled, ['small', 'large', 'broken', 'relayed']);
});

test.run();
