// {expression} and $name in the lines of % commands, as IPython expands them.
import * as assert from 'uvu/assert';
import { expanded } from '../../../../src/cli/repl/expand.ts';
import { parsePxLine } from '../../../../src/cli/repl/px-line.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('cli/repl/expand');
const names = { home: '/home/me', n: 3, ids: [0, 2], deep: { dir: 'd' } };
const evaluate = (expression: string): unknown =>
  new Function(...Object.keys(names), `return (${expression})`)(...Object.values(names));
const text = (from: string) => expanded(from, evaluate);

test('values, members and expressions', () => {
  assert.is(text('{home}/data'), '/home/me/data');
  assert.is(text('$home/data-$n'), '/home/me/data-3');
  assert.is(text('{home + "/" + n}'), '/home/me/3');
  assert.is(text('$deep.dir/{deep.dir}'), 'd/d');
  assert.is(text('{ids}'), '0,2');
});

test('doubled braces and dollars stand for one', () => {
  assert.is(text('{{home}}'), '{home}');
  assert.is(text('$$home costs 5$'), '$home costs 5$');
});

test('text in which an expression fails stays as it is', () => {
  for (const from of ['{nope}/x', '$nope', '{home} {n +}', '{}', '~/a', 'a b']) assert.is(text(from), from);
});

test('folders and option values are expanded, code is not', () => {
  const parse = (line: string) => parsePxLine(line, text);
  assert.is(parse('%cd {home}/x').code, '/home/me/x');
  assert.match(parse('%px cd {home}/x').code, 'process.chdir("/home/me/x"');
  assert.match(parse('%px cd $home').code, 'process.chdir("/home/me"');
  assert.match(parse("%px --block cd '{deep.dir}'").code, 'process.chdir("d"');
  assert.equal(parse('%px -t {ids} cd $home').settings, { targets: '0,2' });
  assert.equal(parse('%px -t {n - 1} a').settings, { targets: '2' });
  assert.equal(parse('%px -t $n a').settings, { targets: '3' });
  assert.equal(parse('%%px --progress-after {n}').settings, { progressAfter: 3000 });
  assert.equal(parse('%pxconfig --targets {ids}').settings, { targets: '0,2' });
  for (const code of ['f({ n })', '`$n`', 'const {n} = x', '$n + 1', 'if (n) { home }']) {
    assert.is(parse(`%px ${code}`).code, code);
  }
});

test.run();
