// view.px without engines: source text, settings, streamed and grouped output, interrupts.
import * as assert from 'uvu/assert';

import type { ExecuteOptions } from '../../../../src/client/options.ts';
import { allTargets, pxOf } from '../../../../src/client/px/px.ts';
import { codeOf } from '../../../../src/client/px/px-code.ts';
import type { PxLinks, PxOptions } from '../../../../src/client/px/px-run.ts';
import { AbortError, AlreadyDisplayedError, CompositeError } from '../../../../src/errors.ts';
import { ref } from '../../../../src/protocol/values/ref.ts';
import { rejects, throws } from '../../../support/assert.ts';
import { type FakeTask, fail, fakeResult, fakeTask, Recorded, succeed } from '../../../support/fake-tasks.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/px');

/** A view of engines 0 to n - 1 whose tasks the test ends. */
function fakeView(n: number, shape: 'one' | 'many' = 'many') {
  const tasks = Array.from({ length: n }, (_, i) => fakeTask(i));
  const sent: { code: string; options: ExecuteOptions }[] = [];
  const controls: unknown[] = [];
  const execute = (code: string, options: ExecuteOptions, name: string) => {
    sent.push({ code, options });
    return fakeResult(tasks, shape, name) as never;
  };
  const control = async (engine: number, verb: { type: string }) => controls.push([engine, verb.type]);
  const links = { ids: tasks.map((_, i) => i), control } as unknown as PxLinks;
  const to = new Recorded();
  const px = pxOf({ targets: links.ids, links, execute }).with({ stdout: to.stdout, stderr: to.stderr });
  return { px, tasks, sent, controls, to };
}

const text = (strings: TemplateStringsArray, ...values: unknown[]) => codeOf(strings, values);

test('templates: escapes stay, values become literals, refs their expression', () => {
  assert.is(text`console.log('a\nb')`, String.raw`console.log('a\nb')`);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is the text
  assert.is(text`\`x\${y}\``, '`x${y}`');
  assert.is(
    text`f(${'it"s'}, ${-0}, ${1n}, ${[1, { a: null }]}, ${ref('g[1]')}, ${undefined})`,
    'f("it\\"s", -0, 1n, [1, ({ ["a"]: null })], g[1], undefined)',
  );
  assert.is(text`(${(x: number) => x})(1)`.startsWith('(('), true);
  throws(() => text`${new Map()}`, TypeError, /view\.push/);
});

test('what is sent: not silent, with the settings of the call', async () => {
  const { px, tasks, sent } = fakeView(1);
  const run = px.with({ targets: [0], timeout: 500, verbose: false })`a`;
  succeed(tasks[0] as FakeTask);
  await run;
  assert.equal(sent, [{ code: 'a', options: { silent: false, targets: [0], timeout: 500 } }]);
});

test('values in order of arrival', async () => {
  const { px, tasks, to } = fakeView(2);
  const run = px`a`;
  succeed(tasks[1] as FakeTask, '5', 3);
  await new Promise(setImmediate);
  succeed(tasks[0] as FakeTask, '5', 3);
  await run;
  assert.is(to.all, 'Out[1:3]: 5\nOut[0:3]: 5\n');
  assert.match(String(Object.prototype.toString.call(run)), 'Promise');
});

test("resultOrder 'target': each when those before it have ended; printed text comes at once", async () => {
  const { px, tasks, to } = fakeView(3);
  const run = px.with({ resultOrder: 'target' })`a`;
  succeed(tasks[2] as FakeTask, '5', 3);
  (tasks[1] as FakeTask).output({ stream: 'stdout', text: 'now\n' });
  fail(tasks[1] as FakeTask);
  await new Promise(setImmediate);
  assert.is(to.all, '[stdout:1] \nnow\n');
  succeed(tasks[0] as FakeTask, '5', 3);
  await rejects(() => run, AlreadyDisplayedError);
  assert.match(to.all, /now\nOut\[0:3\]: 5\n\[1:execute\]:\nRangeError: bad\n[\s\S]*\nOut\[2:3\]: 5\n$/);
  throws(() => px.with({ resultOrder: 'id' as never }), RangeError, /'arrival' or 'target', not 'id'/);
});

test('streaming: four tracebacks, then one line each, then the count', async () => {
  const { px, tasks, to } = fakeView(6);
  const run = px`boom()`;
  (tasks[0] as FakeTask).output({ stream: 'stdout', text: 'printed before' });
  for (const task of tasks) fail(task);
  const error = await rejects(() => run, AlreadyDisplayedError, /^6 errors$/);
  assert.is(error.errors.length, 6);
  assert.is(to.out, '[stdout:0] \nprinted before\n');
  assert.is(to.err.split('    at <engine').length - 1, 4);
  assert.match(to.err, '[0:execute]:\nRangeError: bad\n    at <engine 0>:1:1\n\n[1:execute]:\n');
  assert.ok(to.err.endsWith('[4:execute]RangeError: bad\n[5:execute]RangeError: bad\n'));
});

test('not streaming: output first, then CompositeError with the name %px', async () => {
  const { px, tasks, to } = fakeView(2);
  const run = px.with({ stream: false, groupOutputs: 'engine' })`boom()`;
  (tasks[1] as FakeTask).output({ stream: 'stdout', text: 'said\n' });
  for (const task of tasks) fail(task);
  await rejects(() => run, CompositeError, /^one or more exceptions raised in: %px\n\[0:execute\]RangeError: bad/);
  assert.is(to.all, '[stdout:1] \nsaid\n');
});

test('one target: no prefix, one error', async () => {
  const { px, tasks, to } = fakeView(1, 'one');
  const run = px`boom()`;
  (tasks[0] as FakeTask).output({ stream: 'stdout', text: 'hi\n' });
  fail(tasks[0] as FakeTask);
  await rejects(() => run, AlreadyDisplayedError, /^1 error$/);
  assert.is(to.out, 'hi\n');
});

test('a failure that nobody awaits is no unhandled rejection', async () => {
  const { px, tasks } = fakeView(1);
  px`boom()`;
  fail(tasks[0] as FakeTask);
  // Node has told of unhandled rejections by then.
  await new Promise((resolve) => setImmediate(resolve));
});

test('interrupt: the message, a signal to the engines that still run, and the wait goes on', async () => {
  const { px, tasks, to, controls } = fakeView(2);
  const run = px`for (;;);`;
  succeed(tasks[0] as FakeTask);
  await run.interrupt();
  assert.is(to.err, 'Received Keyboard Interrupt. Sending signal SIGINT to engines...\n');
  assert.equal(controls, [[1, 'interrupt']]);
  fail(tasks[1] as FakeTask, 'TaskInterrupted', 'stopped');
  await rejects(() => run, AlreadyDisplayedError);
});

test('settings that do not exist are refused', () => {
  const { px } = fakeView(1);
  throws(() => px.with({ colour: true } as PxOptions), TypeError, /unknown option 'colour'/);
  throws(() => px.with({ groupOutputs: 'x' as never }), RangeError, /'order', not 'x'/);
  throws(() => px.with({ progressAfter: -2 }), RangeError, /progressAfter/);
  throws(() => px(5 as never), TypeError, /source text/);
});

test('verbose says where; over ten engines the first and last four', async () => {
  const { px, tasks, to } = fakeView(2);
  const run = px.with({ verbose: true })`1`;
  for (const task of tasks) succeed(task);
  await run;
  assert.is(to.all, 'Parallel execution on engine(s): [0, 1]\n');
  assert.is(allTargets('all'), 'all');
  assert.is(allTargets(Array.from({ length: 12 }, (_, i) => i)), '[0, 1, 2, 3, ..., 8, 9, 10, 11]');
});

test('a bar appears after progressAfter on a TTY and leaves nothing behind', async () => {
  const { px, tasks, to } = fakeView(1);
  const tty = new Recorded('tty');
  const run = px.with({ progressAfter: 0, stderr: tty.stderr })`slow()`;
  setTimeout(() => succeed(tasks[0] as FakeTask, '1'), 150);
  await run;
  assert.match(tty.err, /^%px: ░+ 0\/1/);
  assert.ok(tty.err.endsWith('\r\x1b[K'));
  assert.is(to.out, 'Out[0:6]: 1\n');
});

test('without blocking nothing is printed until it is asked for, then and again', async () => {
  const { px, tasks, to } = fakeView(2);
  const run = px.with({ block: false, verbose: true })`a`;
  await run;
  assert.is(to.all, 'Async parallel execution on engine(s): [0, 1]\n');
  (tasks[0] as FakeTask).output({ stream: 'stdout', text: 'said\n' });
  for (const task of tasks) succeed(task, '5');
  await run.result;
  assert.is(to.out, 'Async parallel execution on engine(s): [0, 1]\n');
  const later = new Recorded();
  await run.show({ stdout: later.stdout, stderr: later.stderr });
  assert.is(later.out, '[stdout:0] \nsaid\nOut[0:6]: 5\nOut[1:6]: 5\n');
  await run.show({ stream: false, groupOutputs: 'type' });
  assert.ok(to.out.endsWith('[stdout:0] \nsaid\nOut[0:6]: 5\nOut[1:6]: 5\n'), to.out);
  throws(() => run.show({ targets: [0] } as never), TypeError, /unknown option 'targets'/);
  throws(() => run.show({ progressAfter: -2 }), RangeError, /progressAfter/);
});

test('without blocking engines can be interrupted, and failures wait for who shows them', async () => {
  const { px, tasks, to, controls } = fakeView(1);
  const run = px.with({ block: false })`for (;;);`;
  await run.interrupt();
  assert.equal(controls, [[0, 'interrupt']]);
  assert.is(to.err, 'Received Keyboard Interrupt. Sending signal SIGINT to engines...\n');
  fail(tasks[0] as FakeTask, 'TaskInterrupted', 'stopped');
  await run;
  await rejects(() => run.show(), AlreadyDisplayedError, /^1 error$/);
});

test('a wait that is given up leaves the engines alone and can be taken up again', async () => {
  const { px, tasks, to, controls } = fakeView(1);
  const run = px`slow()`;
  run.leave();
  await rejects(() => run, AbortError);
  assert.equal(controls, []);
  const again = run.show();
  succeed(tasks[0] as FakeTask, '1');
  await again;
  assert.is(to.out, 'Out[0:6]: 1\n');
});

test.run();
