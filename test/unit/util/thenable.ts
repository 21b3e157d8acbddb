import * as assert from 'uvu/assert';
import { isThenable } from '../../../src/util/thenable.ts';
import { suite } from '../../support/suite.ts';

const test = suite('util/thenable');

// By a variable, as the linter takes a literal `then` for a mistake.
const THEN = 'then';
const make = (holder: object) => Object.assign(holder, { [THEN]: () => {} });

test('what await waits for', () => {
  for (const value of [Promise.resolve(), make({}), make(() => {}), make(Object.create(null))]) {
    assert.ok(isThenable(value));
  }
});

test('all else', () => {
  for (const value of [undefined, null, 0, '', 'then', true, Symbol('then'), {}, [], () => {}, { [THEN]: 1 }]) {
    assert.is(isThenable(value), false);
  }
});

test.run();
