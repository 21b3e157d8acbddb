// The table of waiting requests: every way in which an answer comes, or does not.
import * as assert from 'uvu/assert';
import { ConnectionError, TimeoutError } from '../../../src/errors.ts';
import { Requests } from '../../../src/rpc/requests.ts';
import { rejects } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

/** Timers that would keep this process alive, or may. */
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

const test = suite('requests');

test('an answer goes to the request with its id', async () => {
  const requests = new Requests<string>();
  const first = requests.open(1, 'nobody answered');
  const second = requests.open(2, 'nobody answered');
  requests.settle(2, 'two');
  requests.settle(1, 'one');
  assert.equal(await Promise.all([first, second]), ['one', 'two']);
});

test('a failure goes to the request with its id, and to no other', async () => {
  const requests = new Requests<string>();
  const first = requests.open(1, 'nobody answered');
  const second = requests.open(2, 'nobody answered');
  requests.fail(1, new ConnectionError('refused'));
  await rejects(() => first, ConnectionError, /^refused$/);
  requests.settle(2, 'two');
  assert.is(await second, 'two');
});

test('a request that nobody answers in time says who did not, and no longer waits', async () => {
  const requests = new Requests<string>();
  await rejects(
    () => requests.open(1, "engine 3 did not answer 'status'", 20),
    TimeoutError,
    /^engine 3 did not answer 'status' within 20 ms$/,
  );
  assert.equal([...requests.ids], []);
});

test('an answer in time stops the clock', async () => {
  const requests = new Requests<string>();
  const before = timers();
  const answer = requests.open(1, 'nobody answered', 20);
  assert.is(timers(), before + 1);
  requests.settle(1, 'in time');
  assert.is(timers(), before);
  assert.is(await answer, 'in time');
});

test('late and unknown answers are ignored', async () => {
  const requests = new Requests<string>();
  const answer = requests.open(1, 'nobody answered');
  requests.settle(1, 'first');
  requests.settle(1, 'second');
  requests.fail(1, new ConnectionError('third'));
  requests.settle(99, 'never asked');
  assert.is(await answer, 'first');
});

test('ids are listed in the order of asking, until they are answered', () => {
  const requests = new Requests<string, string>();
  void requests.open('b', 'nobody answered');
  void requests.open('a', 'nobody answered');
  void requests.open('c', 'nobody answered');
  requests.settle('a', '');
  assert.equal([...requests.ids], ['b', 'c']);
});

test('two that ask under one id share the answer', async () => {
  const requests = new Requests<string, string>();
  const first = requests.open('task', 'nobody answered');
  const second = requests.open('task', 'nobody answered');
  requests.settle('task', 'the reply');
  assert.equal(await Promise.all([first, second]), ['the reply', 'the reply']);
});

test('when no answer can come any more, all fail, with the same reason', async () => {
  const requests = new Requests<string>();
  const answers = [1, 2].map((id) => requests.open(id, 'nobody answered', 60_000));
  requests.failAll(new ConnectionError('engine 3 is gone'));
  for (const answer of answers) await rejects(() => answer, ConnectionError, /^engine 3 is gone$/);
  assert.equal([...requests.ids], []);
  const later = requests.open(3, 'nobody answered');
  requests.settle(3, 'the table goes on');
  assert.is(await later, 'the table goes on');
});

test.run();
