// Free names that an engine does not have: each kind gets the remedy that helps.
import * as assert from 'uvu/assert';
import { remedyOf } from '../../../../../engines/user-code/errors/missing-name.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('missing names');

// [names, the remedy for a function, the remedy for code]
const KINDS: [string[], RegExp, RegExp | undefined][] = [
  [['k', 'factor', 'myList', 'x1', 'Model', '$scope', 'fooBar'], /without their closure.*push/, undefined],
  [
    [
      '__unknownHelper',
      '_class_private_field_init',
      '_async_to_generator',
      '_asyncToGenerator',
      '_a',
      '_A_x',
      '_Counter_n',
    ],
    /your build lowered this function.*ES2022.*NodeNext/,
    undefined,
  ],
  [['regeneratorRuntime', '_x', '__esDecorate9'], /your build lowered/, undefined],
  [
    ['__vite_ssr_import_0__', 'node_fs_1', 'lodash_2', 'import_node_fs', '_interopRequireDefault'],
    /of an import: call await import\(\)/,
    undefined,
  ],
  [['cov_1abc2'], /coverage tool/, undefined],
  [['__dirname', '__filename'], /has no file: pass the folder/, /has no file: pass the folder/],
  [['prompt', 'alert', 'window', 'document'], /has no terminal/, /has no terminal/],
  [['module', 'exports'], /no CommonJS file/, undefined],
];

for (const [names, ofFunction, ofCode] of KINDS) {
  for (const name of names) {
    test(`the remedy for ${name}`, () => {
      assert.match(remedyOf(name, 'function') ?? '', ofFunction);
      const code = remedyOf(name, 'code');
      if (ofCode === undefined) assert.is(code, undefined);
      else assert.match(code ?? '', ofCode);
    });
  }
}

test('an assignment by strict code gets the remedy of assignments', () => {
  const ofFunction = remedyOf('data', 'function', { isAssigned: true });
  assert.match(ofFunction ?? '', /functions run strict, where an assignment makes no name; write globalThis\.data = …/);
  assert.match(remedyOf('data', 'code', { isAssigned: true }) ?? '', /this code runs strict.*globalThis\.data = …/);
  assert.match(remedyOf('_tmp', 'function', { isAssigned: true }) ?? '', /globalThis\._tmp = ….*your build lowered/);
});

// [name, source, is it taken for a renamed helper]
const RENAMED: [string, string, boolean][] = [
  ['l', 'function f(){return l(this,null,function*(){yield 1})}', true],
  ['Ge', 't=>{class e{constructor(){Ge(this,"y",t)}}return new e}', true],
  ['k', '(x) => k(x) + 1', false],
  ['k', '(x) => {\n  return k(x);\n}', false],
  ['k', 't=>t*k', false],
  ['helper', 't=>helper(t)', false],
];
for (const [name, source, isRenamed] of RENAMED) {
  test(`${name} in ${source} ${isRenamed ? 'may be' : 'is not'} a helper that a minifier renamed`, () => {
    const remedy = remedyOf(name, 'function', { source }) ?? '';
    assert.match(remedy, /without their closure/);
    assert.is(remedy.includes('lowered and renamed this function: target ES2022'), isRenamed);
  });
}

test.run();
