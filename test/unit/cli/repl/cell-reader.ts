// Lines become cells: JavaScript by its syntax, %%px by its empty lines, dot commands.
import * as assert from 'uvu/assert';
import { CellReader, cellsOf, type InputCell } from '../../../../src/cli/repl/cell-reader.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('cli/repl/cell-reader');
const js = (code: string): InputCell => ({ kind: 'code', code });
const magic = (line: string, code = ''): InputCell => ({ kind: 'magic', line, code });
const dot = (name: string, argument = ''): InputCell => ({ kind: 'dot', name, argument });
const of = (...lines: string[]) => cellsOf(lines.join('\n'));

test('JavaScript is a cell where it is complete, empty lines inside of a brace included', () => {
  assert.equal(of('1', '', '2'), [js('1'), js('2')]);
  assert.equal(of('f(', '', ')', '3'), [js('f(\n\n)'), js('3')]);
  assert.equal(of('`a', '', 'b`'), [js('`a\n\nb`')]);
  assert.equal(of('/* a', '', '*/ 5'), [js('/* a\n\n*/ 5')]);
  assert.equal(of('x =', '5'), [js('x =\n5')]);
  assert.equal(of('const f = async () => {', '  await 1', '', '}', 'await f()'), [
    js('const f = async () => {\n  await 1\n\n}'),
    js('await f()'),
  ]);
});

test('plainly wrong code is a cell at once, unfinished code at the end', () => {
  assert.equal(of('a b', '1'), [js('a b'), js('1')]);
  assert.equal(of('"abc', '1'), [js('"abc'), js('1')]);
  assert.equal(of('f(1'), [js('f(1')]);
});

test('%%px takes empty lines, inside an open brace and between statements', () => {
  const body = ['function f() {', '', '  return 1', '', '}', '', 'f()'];
  assert.equal(of('%%px -t 0', ...body), [magic('%%px -t 0', `${body.join('\n')}\n`)]);
  assert.equal(of('%%px', '', 'a = 1', '', 'b = 2'), [magic('%%px', '\na = 1\n\nb = 2\n')]);
});

test('%%px ends at two empty lines, at one before a line with %, and where the next %% begins', () => {
  assert.equal(of('%%px', 'a = 1', '', '', '6 * 7'), [magic('%%px', 'a = 1\n'), js('6 * 7')]);
  assert.equal(of('%%px', 'a = 1', '', '%px a'), [magic('%%px', 'a = 1\n'), magic('%px a')]);
  assert.equal(of('%%px', 'a = 1', '', '%px?'), [magic('%%px', 'a = 1\n'), magic('%px?')]);
  assert.equal(of('%%px', 'a = 1', '%%px', 'b = 2'), [magic('%%px', 'a = 1\n'), magic('%%px', 'b = 2\n')]);
  assert.equal(of('%%px', 'a = 1', '', '.exit'), [magic('%%px', 'a = 1\n'), dot('exit')]);
});

test('% as an operator, and two empty lines inside of a brace, end nothing', () => {
  assert.equal(of('%%px', 'a = b', '%c'), [magic('%%px', 'a = b\n%c\n')]);
  assert.equal(of('%%px', 'if (a) {', '', '', '', '  b()', '}'), [magic('%%px', 'if (a) {\n\n\n\n  b()\n}\n')]);
  assert.equal(of('%%px', 'x = `', '', '', '%%px', '`'), [magic('%%px', 'x = `\n\n\n%%px\n`\n')]);
});

test('mayEnd: after an empty line at which the code is complete', () => {
  const reader = new CellReader();
  const states = ['%%px', 'f(', '', ')', ''].map((line) => {
    assert.equal(reader.push(line), []);
    return [reader.isOpen, reader.mayEnd];
  });
  assert.equal(states, [...Array(4).fill([true, false]), [true, true]]);
  assert.equal(reader.end(), [magic('%%px', 'f(\n\n)\n')]);
  assert.is(reader.isOpen, false);
  for (const line of ['%%px', '']) reader.push(line);
  assert.is(reader.mayEnd, true);
  assert.equal(reader.end(), [], 'an empty cell is none');
});

test('a %%px line that is wrong or asks for help has no lines below it', () => {
  assert.equal(of('%%px x', '1'), [magic('%%px x'), js('1')]);
  assert.equal(of('%%px?', '1'), [magic('%%px?'), js('1')]);
});

test('dot commands: names of letters; numbers and members are code', () => {
  assert.equal(of('.help', '.load a b.js', '.5 + 1'), [dot('help'), dot('load', 'a b.js'), js('.5 + 1')]);
  assert.equal(of('f(', '.break', '1'), [dot('break'), js('1')]);
  assert.equal(of('(a', '.clear()', ')'), [js('(a\n.clear()\n)')]);
});

test.run();
