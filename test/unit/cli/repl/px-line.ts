// %px cd, and questions about commands; the options are tested with the REPL.
import * as assert from 'uvu/assert';
import { askedCommand, parsePxLine } from '../../../../src/cli/repl/px-line.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('cli/repl/px-line');

test('%px cd DIR moves; a variable cd is code', () => {
  for (const dir of ['/tmp', '..', './a b', '~', '~/x', 'data', "'my data'", '.hidden']) {
    const { code } = parsePxLine(`%px -t 0 cd ${dir}`.replace('-t 0', '--block'));
    assert.match(code, `process.chdir(${JSON.stringify(dir.replaceAll("'", ''))}.replace`);
  }
  assert.match(parsePxLine('%px cd').code, 'process.chdir("~"');
  for (const code of [
    'cd = 5',
    'cd + 1',
    'cd / 2',
    'cd(1)',
    'cd.x',
    'cd;',
    'cd in x',
    'cdx y',
    'cd === 1',
    'cd [0]',
    'cd ? 1 : 2',
  ]) {
    assert.is(parsePxLine(`%px ${code}`).code, code);
  }
});

test('%cd takes a folder as it stands', () => {
  assert.equal(parsePxLine('%cd /a b'), { command: '%cd', settings: {}, code: '/a b' });
  assert.is(parsePxLine('%cd').code, '');
});

test('questions', () => {
  for (const line of ['%px?', ' %px ?', '?%px', '%px??', '? %px']) assert.is(askedCommand(line), '%px');
  assert.is(askedCommand('%%px?'), '%%px');
  for (const line of ['%px a ? 1 : 2', '%nope?', '?', '%px a?']) assert.is(askedCommand(line), undefined, line);
});

test.run();
