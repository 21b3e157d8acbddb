// The exact text of captured output: grouped, streamed, replayed; without engines.
import * as assert from 'uvu/assert';
import type { Task } from '../../../../src/client/links/task.ts';
import { bundleText } from '../../../../src/client/results/output/text.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { rejects } from '../../../support/assert.ts';
import { fail, fakeResult, fakeTask, Recorded, succeed } from '../../../support/fake-tasks.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/output');
const plain = (text: string) => ({ stream: 'display', bundle: { 'text/plain': text } }) as const;
const out = (text: string) => ({ stream: 'stdout', text }) as const;
const err = (text: string) => ({ stream: 'stderr', text }) as const;

/** Two engines that printed to both streams, displayed, and gave 7; engine 1 displayed twice. */
function talkative(): Task[] {
  const tasks = [fakeTask(0), fakeTask(1)];
  for (const [i, task] of tasks.entries()) {
    task.output(out('hi\n'));
    task.output(err('err'));
    for (let n = 0; n <= i; n++) task.output(plain(`shown ${n}`));
    succeed(task, '7');
  }
  return tasks;
}

test('group type: stdout, then stderr, then outputs, then values', async () => {
  const to = new Recorded();
  await fakeResult(talkative()).displayOutputs(to);
  assert.is(
    to.out,
    '[stdout:0] \nhi\n[stdout:1] \nhi\n[output:0]\nshown 0\n[output:1]\nshown 0\nshown 1\nOut[0:6]: 7\nOut[1:6]: 7\n',
  );
  assert.is(to.err, '[stderr:0] \nerr\n[stderr:1] \nerr\n');
  assert.ok(to.all.indexOf('[stderr:0]') > to.all.indexOf('[stdout:1]'));
  assert.ok(to.all.indexOf('[stderr:1]') < to.all.indexOf('[output:0]'));
});

test('group engine: all of one engine, then of the next', async () => {
  const to = new Recorded();
  await fakeResult(talkative()).displayOutputs({ groupBy: 'engine', ...to });
  assert.is(
    to.all,
    [0, 1]
      .map((i) => {
        const shown = i === 0 ? 'shown 0\n' : 'shown 0\nshown 1\n';
        return `[stdout:${i}] \nhi\n[stderr:${i}] \nerr\n[output:${i}]\n${shown}Out[${i}:6]: 7\n`;
      })
      .join(''),
  );
});

test('group order: first outputs first, and engines with fewer outputs are not left out', async () => {
  const to = new Recorded();
  await fakeResult(talkative()).displayOutputs({ groupBy: 'order', ...to });
  assert.match(to.out, '[output:0]\nshown 0\n[output:1]\nshown 0\n[output:1]\nshown 1\nOut[0:6]: 7\nOut[1:6]: 7\n');
});

test('an unknown grouping is refused with the true choices', () =>
  rejects(
    () => fakeResult([]).displayOutputs({ groupBy: 'colour' as never }),
    RangeError,
    /'type', 'engine', 'order', not 'colour'/,
  ));

test('one target: no prefix; empty streams print nothing', async () => {
  const [task, to] = [fakeTask(2), new Recorded()];
  task.output(out('hi\n'));
  succeed(task);
  await fakeResult([task], 'one').displayOutputs(to);
  assert.is(to.all, 'hi\n');
});

test('values of several lines start on a new line; pictures and pages say what they are', async () => {
  const [task, to] = [fakeTask(0), new Recorded()];
  succeed(task, 'a\nb');
  await fakeResult([task]).displayOutputs(to);
  assert.is(to.all, 'Out[0:6]: \na\nb\n');
  assert.is(bundleText({ 'text/plain': '', 'image/png': new Uint8Array(12) }), '<image/png, 12 bytes>');
  assert.is(bundleText({ 'text/html': '<p>x</p>' }), '<text/html, 8 characters>');
});

test('output of failed tasks is shown, and displayOutputs does not throw', async () => {
  const [task, to] = [fakeTask(0), new Recorded()];
  task.output(out('before'));
  fail(task);
  await fakeResult([task]).displayOutputs(to);
  assert.is(to.all, '[stdout:0] \nbefore\n');
});

test('streaming: a prefix when the speaker changes, a break when its line was open', async () => {
  const [a, b, to] = [fakeTask(0), fakeTask(1), new Recorded()];
  const streamed = fakeResult([a, b]).streamOutput(to);
  a.output(out('one '));
  a.output(out('line\n'));
  b.output(out('open'));
  a.output(out('again'));
  a.output(err('oops\n'));
  succeed(a);
  succeed(b);
  await streamed;
  assert.is(to.all, '[stdout:0] \none line\n[stdout:1] \nopen\n[stdout:0] \nagain\n[stderr:0] \noops\n');
});

test('streaming replays what was printed before, each character once', async () => {
  const [task, to] = [fakeTask(0), new Recorded()];
  task.output(out('early '));
  const streamed = fakeResult([task]).streamOutput(to);
  task.output(out('late'));
  const metadata = { started: 1, completed: 2, stdout: 'early late, last\n', stderr: '' };
  task.succeed({ executionCount: 1, data: null }, metadata);
  await streamed;
  assert.is(to.out, '[stdout:0] \nearly late, last\n');
  const again = new Recorded();
  await fakeResult([task]).streamOutput(again);
  assert.is(again.out, to.out, 'the same once everything is done');
});

test('a given-up stream prints no more', async () => {
  const [task, to] = [fakeTask(0), new Recorded()];
  task.output(out('a'));
  await rejects(() => fakeResult([task]).streamOutput({ timeout: 5, ...to }), Error, /not ready/);
  task.output(out('b'));
  assert.is(to.out, '[stdout:0] \na\n');
});

test('notebook forms: a result as a table, a small tensor as a table', () => {
  const task = fakeTask(0);
  task.output(out('<b>'));
  succeed(task);
  const bundle = (fakeResult([task]) as unknown as Record<symbol, () => Record<string, string>>)[
    Symbol.for('Jupyter.display')
  ]!.call(fakeResult([task]));
  assert.is(bundle['text/plain'], '<AsyncResult(execute): finished>');
  assert.match(bundle['text/html'] as string, '<td>0</td><td>ok</td>');
  assert.match(bundle['text/html'] as string, '&lt;b&gt;');
  const tensor = new Tensor('float32', [1, 2], Float32Array.of(1, 2)) as unknown as Record<symbol, () => unknown>;
  assert.equal(tensor[Symbol.for('Jupyter.display')]!(), {
    'text/plain': 'Tensor float32[1×2]\n[[1 2]]',
    'text/html': '<table><tr><td>1</td><td>2</td></tr></table>',
  });
});

test.run();
