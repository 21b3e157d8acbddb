// Errors of any size and any make become errors that fit into a header.
import { AssertionError } from 'node:assert';
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { decodeHeader, encodeMessage } from '../../../../src/protocol/header-codec.ts';
import { fromWireError, thrownValue, toWireError, type WireError } from '../../../../src/protocol/values/wire-error.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('wire error');
const bytes = (error: WireError) => Buffer.byteLength(JSON.stringify(error));

test('a short error is whole, with its code and causes', () => {
  const cause = Object.assign(new RangeError('inner'), { code: 'E_IN' });
  const error = new TypeError('outer', { cause });
  const wire = toWireError(error);
  assert.is(wire.stack, error.stack);
  assert.equal([wire.name, wire.message, wire.code], ['TypeError', 'outer', undefined]);
  assert.equal([wire.cause?.name, wire.cause?.message, wire.cause?.code], ['RangeError', 'inner', 'E_IN']);
  assert.is((fromWireError(wire).cause as Error).message, 'inner');
});

test('a long message is cut, its last line says how much is missing, and the stack keeps its frames', () => {
  const { message, stack } = toWireError(new Error('x'.repeat(5e6)));
  assert.is(message, `${'x'.repeat(65_536)}\n… (${5e6 - 65_536} characters are missing)`);
  assert.match(stack, /^Error: x+\n… \(\d+ characters are missing\)\n {4}at .*wire-error/);
});

test('a long stack is cut', () => {
  const error = Object.assign(new Error('m'), { stack: 'frame\n'.repeat(1e6) });
  assert.match(toWireError(error).stack, /frame\nfr?a?m?e?\n?… \(\d+ characters are missing\)$/);
});

test('what is thrown and is no error is cut as well', () => {
  assert.match(toWireError('y'.repeat(1e7)).message, /^thrown: y{65528}\n… \(9934472 characters are missing\)$/);
});

test('nobody walks over arrays of billions: thrown, in an error, as its name, its message or its stack', () => {
  const sparse: unknown[] = [];
  sparse[4e9] = 1;
  const large = new Uint8Array(2 ** 28);
  for (const value of [sparse, [[sparse]], large]) {
    assert.match(toWireError(value).message, /^thrown: .*(empty items|more items)/s);
    for (const place of ['name', 'message', 'stack', 'field', 'cause']) {
      assert.ok(bytes(toWireError(Object.assign(new Error('m'), { [place]: value }))) < 1e6, place);
    }
  }
});

test('name and code are cut to 1 KiB', () => {
  const { name, code } = toWireError(Object.assign(new Error('m'), { name: 'n'.repeat(5e6), code: 'c'.repeat(5e6) }));
  assert.is(name, `${'n'.repeat(1024)} … (4998976 characters are missing)`);
  assert.is(code, `${'c'.repeat(1024)} … (4998976 characters are missing)`);
});

for (const char of ['\0', '"', '漢', '👍', '\ud83d']) {
  test(`a chain of causes of any size fits into a header, beside full output: ${JSON.stringify(char)}`, () => {
    const long = char.repeat(1e6);
    let cause: unknown;
    for (let i = 0; i < 40; i++) {
      cause = Object.assign(new Error(long, { cause }), { name: long, code: long, stack: long });
    }
    const error = toWireError(cause);
    assert.ok(bytes(error) < 2 ** 20, `${bytes(error)} bytes`);
    const metadata = { started: 1, completed: 2, stdout: 'x'.repeat(2 ** 20), stderr: 'x'.repeat(2 ** 20) };
    const parts = encodeMessage({ type: 'reply', id: 'c:1', status: 'error', metadata, error });
    assert.equal((decodeHeader(parts) as { error?: WireError }).error?.message, error.message);
  });
}

test('hostile errors give an error that says so', () => {
  const throwing = (key: string) =>
    Object.defineProperty(new Error('m'), key, {
      get() {
        throw new Error('hostile');
      },
    });
  for (const key of ['name', 'message', 'stack', 'code', 'cause']) {
    assert.is(toWireError(throwing(key)).message, 'an error that cannot be read was thrown');
  }
  const trap = () => {
    throw new Error('trap');
  };
  const proxy = new Proxy({}, { getPrototypeOf: trap, has: trap, get: trap });
  assert.is(toWireError(proxy).message, 'an error that cannot be read was thrown');
  assert.is(toWireError({ toString: trap }).message, 'an error that cannot be read was thrown');
  assert.is(toWireError(Object.create(null)).message, 'an error that cannot be read was thrown');
});

const travel = (thrown: unknown) => {
  const parts = encodeMessage({
    type: 'reply',
    id: 'c:1',
    status: 'error',
    metadata: { started: 1, completed: 2, stdout: '', stderr: '' },
    error: toWireError(thrown),
  });
  return (decodeHeader(parts) as { error: WireError }).error;
};
type Fields = Error & Record<string, unknown>;
const back = (thrown: unknown) => thrownValue(travel(thrown)) as Fields;

test('own fields survive, hidden ones too, and fields of numbers as code', () => {
  const zod = Object.defineProperty(new Error('z'), 'issues', { value: [{ path: ['a'], code: 'invalid' }] });
  assert.equal(back(zod)['issues'], [{ path: ['a'], code: 'invalid' }]);
  const http = Object.assign(new Error('h'), {
    status: 404,
    response: { data: { ok: false }, headers: new Map([['a', 'b']]) },
  });
  assert.equal(back(http)['response'], http.response);
  assert.equal([back(http)['status'], back(Object.assign(new Error(''), { code: 7 }))['code']], [404, 7]);
  assert.is(back(Object.assign(new Error(''), { code: 'E_X' }))['code'], 'E_X');
});

test('an AssertionError keeps what it compares', () => {
  const error = back(new AssertionError({ actual: { a: 1 }, expected: [2], operator: 'deepStrictEqual' }));
  assert.equal([error['actual'], error['expected']], [{ a: 1 }, [2]]);
  assert.equal([error.name, error['code'], error['operator']], ['AssertionError', 'ERR_ASSERTION', 'deepStrictEqual']);
});

test('an AggregateError keeps its errors, and what is none of them', () => {
  const inner = Object.assign(new TypeError('a'), { status: 5 });
  const error = back(new AggregateError([inner, { q: 1 }, 'text', null], 'all')) as Fields & AggregateError;
  assert.instance(error, AggregateError);
  assert.instance(error.errors[0], TypeError);
  assert.equal([error.errors[0].message, error.errors[0].status], ['a', 5]);
  assert.equal(error.errors.slice(1), [{ q: 1 }, 'text', null]);
});

test('errors in fields, and fields of errors, may be cyclic', () => {
  const error = new Error('round') as Fields;
  error['self'] = error;
  error['deep'] = { list: [error, new RangeError('other')] };
  const copy = back(error);
  assert.is(copy['self'], copy);
  const { list } = copy['deep'] as { list: Error[] };
  assert.is(list[0], copy);
  assert.instance(list[1], RangeError);
  assert.is(copy.message, 'round');
});

test('an error has the name of its class, unless it has set one', () => {
  class ValidationError extends RangeError {}
  const error = back(new ValidationError('v'));
  assert.equal([error.name, error.constructor.name], ['ValidationError', 'ValidationError']);
  assert.instance(error, RangeError);
  assert.match(String(error.stack), /^ValidationError: v\n/);
  assert.match(inspect(error), /^ValidationError: v\n/);
  assert.is(back(Object.assign(new ValidationError('v'), { name: 'Mine' })).name, 'Mine');
  assert.is(back(new DOMException('m', 'AbortError')).name, 'AbortError');
  assert.is(back(new (class x extends Error {})('m')).name, 'Error', 'minifiers make such names');
});

for (const thrown of [
  { status: 404, reason: 'missing' },
  null,
  0,
  '',
  undefined,
  Number.NaN,
  false,
  5n,
  [1, [2]],
  'text',
]) {
  test(`what is thrown and is no error arrives as it is: ${inspect(thrown)}`, () => {
    assert.equal(thrownValue(travel(thrown)), thrown);
    assert.is(travel(thrown).message, `thrown: ${thrown === 'text' ? thrown : inspect(thrown)}`);
    const cause = back(new Error('outer', { cause: { thrown } })).cause as { thrown: unknown };
    assert.equal(cause.thrown, thrown);
  });
}

test('fields of any size fit beside the longest message; getters that throw are described', () => {
  const error = Object.assign(new Error('漢'.repeat(1e6)), {
    blob: 'x'.repeat(5e7),
    floats: new Float64Array(1e6),
    status: 3,
  });
  Object.defineProperty(error, 'bad', {
    enumerable: true,
    get() {
      throw new Error('no');
    },
  });
  const wire = toWireError(error);
  assert.ok(bytes(wire) < 2 ** 18, `${bytes(wire)} bytes`);
  const copy = fromWireError(wire) as Fields;
  assert.equal([copy['status'], copy['bad']], [3, '[cannot be read: [Error: no]]']);
  assert.match(String(copy['blob']), /^x+… \(\d+ characters are missing\)$/);
});

test('fields that cannot be read leave the error', () => {
  const error = fromWireError({ name: 'E', message: 'm', stack: '', fields: ['AAAA'] });
  assert.is(error.message, 'm');
  assert.instance(thrownValue({ name: 'E', message: 'm', stack: '', value: ['!'] }), Error);
});

test.run();
