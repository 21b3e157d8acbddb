// Progress as events, as a bar on a terminal, as one line elsewhere; without engines.
import * as assert from 'uvu/assert';
import { progressName } from '../../../../src/client/calls/map.ts';
import { success } from '../../../../src/client/links/outcome.ts';
import { chunks } from '../../../../src/client/results/assembly.ts';
import { AsyncResult } from '../../../../src/client/results/async-result.ts';
import type { ProgressEvent } from '../../../../src/client/results/progress.ts';
import { ProgressBar, progressText } from '../../../../src/client/results/progress-bar.ts';
import { AbortError } from '../../../../src/errors.ts';
import { ref } from '../../../../src/protocol/values/ref.ts';
import { rejects } from '../../../support/assert.ts';
import { fail, fakeResult, fakeTask, Recorded, succeed } from '../../../support/fake-tasks.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/progress');
const tasks = (n: number) => Array.from({ length: n }, (_, i) => fakeTask(i));

test('events: the state now, changes, and the end', async () => {
  const [a, b] = tasks(2) as [ReturnType<typeof fakeTask>, ReturnType<typeof fakeTask>];
  const seen: ProgressEvent[] = [];
  for await (const event of fakeResult([a, b]).progressEvents()) {
    seen.push(event);
    if (seen.length === 1) succeed(a);
    else if (a.outcome !== undefined && b.outcome === undefined) fail(b);
  }
  assert.equal(seen[0]?.done, 0);
  assert.equal(
    seen.map(({ total, label }) => [total, label]),
    seen.map(() => [2, 'execute']),
  );
  assert.equal([seen.at(-1)?.done, seen.at(-1)?.ready], [2, true]);
});

test('a finished result gives one event', async () => {
  const [task] = tasks(1) as [ReturnType<typeof fakeTask>];
  succeed(task);
  const seen = [];
  for await (const event of fakeResult([task]).progressEvents()) seen.push(event.done);
  assert.equal(seen, [1]);
});

test('the text has the label, the count, the time and the rate', () => {
  const event = { label: 'crunch', done: 2, total: 4, elapsed: 61_000, rate: 1.987, ready: false };
  assert.is(progressText(event), 'crunch: 2/4 [01:01, 1.99 tasks/s]');
  assert.match(progressText(event, 'bar'), /^crunch: █{12}░{12} 2\/4 \[/);
  assert.match(progressText({ ...event, elapsed: 3_600_000 }), '[01:00:00,');
});

test('the text of work whose total nobody knows; units and notes', () => {
  const state = { label: 'corners', done: 5, total: undefined, elapsed: 2000, unit: 'pictures', note: '1 failed' };
  assert.is(progressText(state), 'corners: 5 [00:02, 2.50 pictures/s], 1 failed');
  assert.is(progressText(state, 'bar'), progressText(state));
  assert.match(progressText({ ...state, total: 10 }, 'bar'), /^corners: █{12}░{12} 5\/10 \[00:02, 2\.50 pictures\/s\]/);
});

test('a bar on a TTY: drawn at most every 50 ms, taken away, brought back, finished', () => {
  const to = new Recorded('tty');
  const written: string[] = [];
  let now = 0;
  const bar = new ProgressBar({ ...to.stderr, columns: 30, write: (text) => written.push(text) }, () => now);
  const state = (done: number) => ({ label: 'work', done, total: 4, elapsed: 1000 * done });
  bar.show(state(1));
  now = 49;
  bar.show(state(2));
  assert.equal([written.length, to.err], [1, '']);
  assert.is(written[0], 'work: ██████░░░░░░░░░░░░░░░░░', 'no longer than the line');
  bar.clear();
  bar.show(state(2));
  bar.finish(state(4));
  assert.equal(written.slice(1, 3), ['\r\x1b[K', 'work: ████████████░░░░░░░░░░░']);
  assert.equal(written.slice(3), [`\r\x1b[Kwork: ${'█'.repeat(23)}`, '\n']);
});

test('a bar elsewhere: the final line alone', () => {
  const to = new Recorded();
  const bar = new ProgressBar(to.stderr);
  bar.show({ label: 'work', done: 1, total: 4, elapsed: 10 });
  bar.clear();
  bar.end();
  assert.is(to.err, '');
  bar.finish({ label: 'work', done: 4, total: 4, elapsed: 2000, note: '3 failed' });
  assert.is(to.err, 'work: 4/4 [00:02, 2.00 tasks/s], 3 failed\n');
});

test('not a TTY: one final line', async () => {
  const [task] = tasks(1) as [ReturnType<typeof fakeTask>];
  const to = new Recorded();
  const waited = fakeResult([task]).waitInteractive(to);
  succeed(task);
  assert.is(await waited, true);
  assert.match(to.err, /^execute: 1\/1 \[00:00, [\d.e+]+ tasks\/s\]\n$/);
});

test('a TTY: one line, rewritten, ended by a break', async () => {
  const [a, b] = tasks(2) as [ReturnType<typeof fakeTask>, ReturnType<typeof fakeTask>];
  const to = new Recorded('tty');
  const waited = fakeResult([a, b]).waitInteractive(to);
  succeed(a);
  setTimeout(() => fail(b), 120);
  assert.is(await waited, true, 'a failed task does not make it reject');
  const states = to.err.split('\r\x1b[K');
  assert.match(states[0] as string, / [01]\/2 \[/);
  assert.match(states.at(-1) as string, / 2\/2 \[/);
  assert.ok(states.length > 1);
  assert.is(to.err.split('\n').length, 2);
  assert.is(to.out, '');
});

test('failed items are counted and said, while others still run, and at the end', async () => {
  const all = tasks(3) as ReturnType<typeof fakeTask>[];
  const [result, to] = [fakeResult(all), new Recorded()];
  assert.is(result.failed, 0);
  const waited = result.waitInteractive(to);
  fail(all[1] as ReturnType<typeof fakeTask>);
  assert.is(result.failed, 1, 'before the end');
  succeed(all[0] as ReturnType<typeof fakeTask>);
  fail(all[2] as ReturnType<typeof fakeTask>);
  await waited;
  assert.match(to.err, /^execute: 3\/3 \[.*tasks\/s\], 2 failed\n$/);
  const seen: ProgressEvent[] = [];
  for await (const event of result.progressEvents()) seen.push(event);
  assert.is(seen.at(-1)?.failed, 2);
});

test('a time limit gives false, a signal rejects, and both leave the result usable', async () => {
  const [task] = tasks(1) as [ReturnType<typeof fakeTask>];
  const [result, to] = [fakeResult([task]), new Recorded()];
  assert.is(await result.waitInteractive({ timeout: 5, ...to }), false);
  assert.match(to.err, '0/1');
  const stop = new AbortController();
  const waited = result.waitInteractive({ signal: stop.signal, ...to });
  stop.abort();
  await rejects(() => waited, AbortError);
  succeed(task);
  assert.is(await result.wait(), true);
});

test('a progress bar names the function, or what a ref says, and counts items of maps', async () => {
  assert.is(
    progressName(function crunch() {}, 'map'),
    'crunch',
  );
  assert.is(
    progressName(() => 1, 'map'),
    'map',
  );
  assert.is(progressName(ref('m.step'), 'apply'), 'm.step');
  const to = new Recorded();
  const task = fakeTask(0);
  const assembly = chunks([2], () => [success(1), success(2)]);
  const result = new AsyncResult({
    label: '<anonymous>',
    tasks: [task],
    assembly,
    abort: async () => {},
    progressLabel: 'map',
  });
  const waited = result.waitInteractive(to);
  succeed(task);
  await waited;
  assert.match(to.err, /^map: 2\/2 \[\d\d:\d\d, \S+ items\/s\]\n$/);
});

test.run();
