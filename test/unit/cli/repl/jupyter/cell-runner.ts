import * as assert from 'uvu/assert';
import { partsOf } from '../../../../../src/cli/repl/jupyter/cell-runner.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('cli/repl/jupyter/cell-runner');

test('a cell of code is one program, with its empty lines', () => {
  const code = 'f();\n\nfunction f() {}\n';
  assert.equal(partsOf(code), [{ kind: 'code', code }]);
  assert.equal(partsOf('a = b\n  .then(c)'), [{ kind: 'code', code: 'a = b\n  .then(c)' }]);
  assert.equal(partsOf(' \n'), []);
});

test('%%px takes all that follows', () => {
  assert.equal(partsOf('%%px -t 0\na = 1\n\n\n%b\nc'), [
    { kind: 'magic', line: '%%px -t 0', code: 'a = 1\n\n\n%b\nc\n' },
  ]);
});

test('lines with % cut a cell; the code between them stays together', () => {
  assert.equal(partsOf('a = 1\nb = 2\n%px c\nd()\ne()'), [
    { kind: 'code', code: 'a = 1\nb = 2' },
    { kind: 'magic', line: '%px c', code: '' },
    { kind: 'code', code: 'd()\ne()' },
  ]);
  assert.equal(partsOf('x = a\n  % b'), [
    { kind: 'code', code: 'x = a' },
    { kind: 'magic', line: '  % b', code: '' },
  ]);
});

test.run();
