// The ring of tasks: one thread writes it, another one reads.
import * as assert from 'uvu/assert';
import { type EndOfTask, TaskRing } from '../../../../../engines/queue/monitor/task-ring.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('engines/queue/monitor/task-ring');

function rings() {
  const main = new TaskRing();
  return { main, control: new TaskRing(main.buffer) };
}

const start = (n: number, label = 'apply', client = 'c') => ({
  id: `${client}:${n}`,
  label,
  started: 1000 + n,
  bytesIn: 10 * n,
});
const end = (n: number, more: Partial<EndOfTask> = {}): EndOfTask => ({
  ...start(n),
  ended: 1002 + n,
  bytesOut: n,
  status: 'ok',
  ...more,
});

function run(main: TaskRing, n: number, more: Partial<EndOfTask> = {}): void {
  const task = end(n, more);
  main.queued(task.label);
  main.started(task);
  main.ended(task);
}

test('the running task: id, client, label, start and bytes; null before and after', () => {
  const { main, control } = rings();
  assert.is(control.current(), null);
  main.queued('spectra');
  assert.is(control.current(), null);
  main.started(start(7, 'spectra', 'a-uuid'));
  assert.equal(control.current(), { id: 'a-uuid:7', client: 'a-uuid', label: 'spectra', started: 1007, bytesIn: 70 });
  main.ended(end(7, { label: 'spectra' }));
  assert.is(control.current(), null);
});

test('ended tasks of all clients from a number on, and no more than the last 1024', () => {
  const { main, control } = rings();
  run(main, 0);
  run(main, 1, { id: 'other:5', label: 'map', status: 'error', bytesOut: 0 });
  run(main, 2, { status: 'aborted' });
  const [first, second, third] = control.since(0);
  assert.equal(first, { number: 0, client: 'c', ...end(0) });
  assert.equal([second?.client, second?.label, second?.status], ['other', 'map', 'error']);
  assert.equal(control.since(2), [third]);
  assert.equal(control.since(3), []);
  assert.equal(control.since(99), []);
  for (let n = 3; n < 3000; n++) run(main, n);
  const kept = control.since(0);
  assert.is(control.count, 3000);
  assert.ok(kept.length >= 1000 && kept.length <= 1024);
  assert.equal([kept.at(-1)?.id, kept.at(-1)?.number], ['c:2999', 2999]);
  assert.equal(
    kept.map(({ number }) => number),
    kept.map((_, i) => 3000 - kept.length + i),
  );
});

test('sums by label: waiting, ended well, failed, aborted, milliseconds and bytes', () => {
  const { main, control } = rings();
  run(main, 1);
  run(main, 2, { status: 'error' });
  for (let n = 0; n < 3; n++) main.queued('Σ wide');
  main.dropped('Σ wide');
  main.started(start(9, 'Σ wide'));
  const nothing = { queued: 0, done: 0, failed: 0, aborted: 0, ms: 0, bytesIn: 0, bytesOut: 0 };
  assert.equal(control.totals(), [
    { ...nothing, label: 'apply', done: 1, failed: 1, ms: 4, bytesIn: 30, bytesOut: 3 },
    { ...nothing, label: 'Σ wide', queued: 1, aborted: 1 },
  ]);
});

test('more labels than there is room for: the last place takes the rest, and long ones are cut between letters', () => {
  const { main, control } = rings();
  for (let n = 0; n < 500; n++) run(main, n, { label: n === 0 ? 'ü'.repeat(500) : `label ${n}` });
  const totals = control.totals();
  assert.is(totals.length, 64);
  assert.match(totals[0]?.label ?? '', /^ü{31}$/);
  assert.equal([totals.at(-1)?.label, totals.at(-1)?.done], ['others', 500 - 63]);
  assert.is(
    totals.reduce((sum, { done }) => sum + done, 0),
    500,
  );
});

test('a loop that does not turn is at work', () => {
  const { main, control } = rings();
  assert.equal(control.loop(5000, 600), { active: 0, idle: 0 });
  main.turned(100, 900, 10_000);
  assert.equal(control.loop(10_500, 600), { active: 100, idle: 900 });
  assert.equal(control.loop(13_000, 600), { active: 3100, idle: 900 });
});

test.run();
