// Errors as consoles print them, and as JSON.
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import {
  AlreadyDisplayedError,
  CompositeError,
  RemoteError,
  type RemoteErrorInit,
  ShapeError,
} from '../../src/errors.ts';
import { suite } from '../support/suite.ts';

const test = suite('errors');
const CALLER = '  called from\n    at main (file:///home/me/script.mjs:12:9)';

function remote(engineId: number, init: Partial<RemoteErrorInit> = {}, method = 'apply'): RemoteError {
  const traceback = `TypeError: no\n    > 1 | () => oops()\n        |       ^\n    at <engine ${engineId}>:1:7`;
  const engineInfo = { engineId, engineUuid: `u${engineId}`, method };
  const cause = Object.assign(new TypeError('no'), { stack: traceback });
  return new RemoteError({ ename: 'TypeError', evalue: 'no', traceback, engineInfo, cause, ...init });
}

function composite(...errors: RemoteError[]): CompositeError {
  const error = new CompositeError('apply', errors);
  error.place({ caller: CALLER });
  return error;
}

test('a RemoteError prints message, line that failed, remote frames, and the line of the call', () => {
  const error = remote(3);
  error.place({ caller: CALLER });
  const expected = `RemoteError: [3:apply] TypeError: no
    > 1 | () => oops()
        |       ^
    at <engine 3>:1:7
${CALLER}`;
  assert.is(inspect(error), expected);
  assert.is(error.stack, expected);
});

test('what it prints has the fields and causes of the remote error', () => {
  const cause = Object.assign(new Error('bad', { cause: new RangeError('why') }), { status: 404 });
  const text = inspect(remote(0, { traceback: 'Error: bad', cause }));
  assert.match(text, /^RemoteError: \[0:apply\] Error: bad \{\n {2}status: 404,\n {2}cause: RangeError: why\n/);
});

test('a long text in a field is cut', () => {
  const cause = Object.assign(new Error('bad'), { body: 'x'.repeat(1e5) });
  assert.ok(inspect(remote(0, { cause })).length < 1500);
});

test('without a traceback there is the message alone', () => {
  const error = new RemoteError({ ename: 'TaskAborted', evalue: 'it was aborted' });
  assert.is(inspect(error), 'RemoteError: [Engine Exception] TaskAborted: it was aborted');
});

test('engines that agree are printed once, with the line of the call', () => {
  assert.is(
    inspect(composite(remote(0), remote(1), remote(2), remote(3))),
    `CompositeError: one or more exceptions raised in: apply
engines 0, 1, 2, 3: TypeError: no
    > 1 | () => oops()
        |       ^
    at <engine>:1:7
${CALLER}`,
  );
});

test('they agree also where the message names the engine', () => {
  const missing = (id: number) => remote(id, { evalue: `k is not defined on engine ${id}: push it`, traceback: '' });
  assert.match(inspect(composite(missing(0), missing(12))), 'engines 0, 12: TypeError: k is not defined: push it\n');
});

test('engines that differ are printed one by one, at most four kinds', () => {
  const errors = [0, 1, 2, 3, 4, 5].map((id) => remote(id, { evalue: `no ${'!'.repeat(id)}`, traceback: '' }));
  const lines = inspect(composite(...errors)).split('\n');
  assert.equal(lines.slice(1, 6), [
    'engine 0: TypeError: no ',
    'engine 1: TypeError: no !',
    'engine 2: TypeError: no !!',
    'engine 3: TypeError: no !!!',
    '... 2 more exceptions ...',
  ]);
});

test('the stack is what consoles print: an uncaught error shows it, and nothing twice', () => {
  const error = composite(remote(0), remote(1));
  assert.is(error.stack, inspect(error));
  // Node prints uncaught errors like this.
  const uncaught = inspect(error, { customInspect: false, depth: 5 });
  assert.is(uncaught, `${inspect(error)} {\n  code: 'DV_COMPOSITE',\n  [errors]: [Getter]\n}`);
  assert.is(error.errors.length, 2);
});

test('an error inside of another value is printed whole and indented; below the depth it is one line', () => {
  const text = inspect({ a: { failed: composite(remote(0)) } });
  assert.match(
    text,
    /\n {4}failed: CompositeError: one or more exceptions raised in: apply\n {4}engine 0: TypeError: no\n/,
  );
  assert.match(inspect({ a: { b: { c: { d: composite(remote(0)) } } } }, { depth: 2 }), /\[Object\]/);
  assert.is(
    inspect([composite(remote(0))], { depth: 0 }),
    '[ [CompositeError: one or more exceptions raised in: apply] ]',
  );
});

test('items of a map are named in message, line and print; those of one engine share a line', () => {
  const at = (item: number, engine: number) => {
    const error = remote(engine, { traceback: '' }, 'map');
    error.place({ item });
    return error;
  };
  const error = new CompositeError('map', [at(0, 0), at(1, 0), at(7, 1)]);
  assert.is(
    error.message,
    'one or more exceptions raised in: map\n[0:map]TypeError: no (items 0, 1)\n[1:map]TypeError: no (item 7)',
  );
  assert.match(inspect(error), '\nengines 0, 1, items 0, 1, 7: TypeError: no');
  assert.is(error.errors[2]?.message, '[1:map] TypeError: no');
  assert.is(inspect(error.errors[2]), 'RemoteError: [1:map] item 7: TypeError: no');
  assert.is(error.errors[2]?.item, 7);
  const many = new CompositeError(
    'map',
    [...Array(300).keys()].map((item) => at(item, 0)),
  );
  assert.match(many.message, /no \(items 0, 1, 2, 3, 4, 5, 6, 7 and 292 more\)$/);
});

test('what an error knows of its place stays', () => {
  const error = remote(0);
  error.place({ item: 3 });
  error.place({ item: 9, caller: CALLER });
  error.place({ caller: 'another' });
  assert.is(error.item, 3);
  assert.ok(error.stack?.endsWith(CALLER));
});

test('JSON has message, traceback, engine and the fields of the remote error', () => {
  const cause = Object.assign(new Error('bad', { cause: new RangeError('why') }), { status: 404, n: 5n });
  const json = JSON.parse(
    JSON.stringify(composite(remote(0), remote(1, { cause: { status: 3 } }), remote(2, { cause }))),
  );
  assert.equal([json.name, json.code, json.errors.length], ['CompositeError', 'DV_COMPOSITE', 3]);
  assert.match(json.message, /raised in: apply/);
  const [first, second, third] = json.errors;
  assert.equal([first.ename, first.evalue, first.engineInfo.engineId], ['TypeError', 'no', 0]);
  assert.match(first.traceback, 'oops()');
  assert.equal(second.cause, { status: 3 });
  assert.match(third.cause, /status: 404/, 'JSON has no bigint: text');
  assert.equal(JSON.parse(JSON.stringify(new ShapeError('3 and 4'))).message, '3 and 4');
});

test('cyclic causes do not break JSON', () => {
  const cause: Error & { self?: unknown } = new Error('round');
  cause.self = cause;
  assert.match(JSON.stringify(remote(0, { cause })), 'round');
});

test('AlreadyDisplayedError says only how many', () => {
  assert.is(inspect(new AlreadyDisplayedError('execute', [remote(0), remote(1)])), '2 errors');
});

test.run();
