// Values as the REPL prints them: silence where there is nothing to say, tensors as matrices, inspect for the rest.
import * as assert from 'uvu/assert';
import { printed, printedError } from '../../../../src/cli/repl/printed.ts';
import { ExecuteReply } from '../../../../src/client/results/execute-reply.ts';
import { range, tensor } from '../../../../src/tensor/convert.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('cli/repl/printed');
const plain = { colors: false };
const reply = (text: string | null): ExecuteReply =>
  Object.assign(Object.create(ExecuteReply.prototype), {
    executionCount: text === null ? 0 : 1,
    executeResult: text === null ? null : { 'text/plain': text },
    stdout: '',
    stderr: '',
  });

test('undefined, lists of it, and replies without a value print nothing', () => {
  for (const value of [
    undefined,
    [undefined, undefined],
    reply(null),
    [reply(null), reply(null)],
    [undefined, reply(null)],
  ]) {
    assert.is(printed(value, plain), '');
  }
});

test('lists that say something are printed as they are', () => {
  assert.is(printed([undefined, 1], plain), '[ undefined, 1 ]');
  assert.is(printed([], plain), '[]');
  assert.is(printed(new Array(2), plain), '');
  assert.is(printed(null, plain), 'null');
  assert.is(printed([reply('6'), reply(null)], plain), '[ <ExecuteReply[1]: 6>, <ExecuteReply[0]: > ]');
});

test('tensors are aligned matrices, alone and in a list', () => {
  const a = new Tensor('float64', [2, 3], Float64Array.of(0, 1.5, 10, -3, 0.25, 100));
  const matrix = 'Tensor float64[2×3]\n[[  0      1.5   10   ]\n [ -3      0.25 100   ]]';
  assert.is(printed(a, plain), matrix);
  assert.is(printed([a, a], plain), `[\n${[matrix, matrix].join(',\n').replace(/^/gm, '  ')}\n]`);
});

test('rows of 16×4 stand below each other', () => {
  const text = printed(tensor(range(64)).reshape([16, 4]), plain);
  const rows = text.split('\n').slice(1);
  assert.is(rows.length, 16);
  assert.is(rows[0], '[[ 0  1  2  3]');
  assert.is(rows[15], ' [60 61 62 63]]');
});

test('large tensors show their ends; scalars, vectors and empty ones', () => {
  const rows = printed(tensor(range(10_000)).reshape([100, 100]), plain).split('\n');
  assert.is(rows.length, 8);
  assert.is(rows[1], '[[   0    1    2 ...   97   98   99]');
  assert.is(rows[4], ' ...');
  assert.match(printed(new Tensor('float32', [], Float32Array.of(2.5)), plain), /^Tensor float32\[\] 2\.5$/);
  assert.is(printed(new Tensor('int32', [3]), plain), 'Tensor int32[3]\n[0 0 0]');
  assert.is(printed(new Tensor('int32', [0, 3]), plain), 'Tensor int32[0×3]\n[]');
  assert.is(printed(new Tensor('float64', [2], Float64Array.of(1e-9, -0)), plain).includes('1e-09'), true);
});

test('blocks of a tensor of rank 3 are parted by an empty line', () => {
  assert.is(
    printed(tensor(range(8)).reshape([2, 2, 2]), plain)
      .split('\n')
      .slice(1)
      .join('\n'),
    '[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]',
  );
});

test('errors: Uncaught, and anything else that was thrown', () => {
  assert.is(printedError(5, plain), 'Uncaught 5');
  assert.is(printedError('a', plain), "Uncaught 'a'");
  assert.match(printedError(new TypeError('no'), plain), /^Uncaught TypeError: no/);
  const bare = Object.assign(new SyntaxError('bad'), { stack: 'SyntaxError: bad\n    f(]\n      ^' });
  assert.is(printedError(bare, plain), 'Uncaught SyntaxError: bad\n    f(]\n      ^');
});

test.run();
