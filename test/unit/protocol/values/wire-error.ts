// Errors of any size and any make become errors that fit into a header.
import * as assert from 'uvu/assert';
import { decodeHeader, encodeMessage } from '../../../../src/protocol/header-codec.ts';
import { fromWireError, toWireError, type WireError } from '../../../../src/protocol/values/wire-error.ts';
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

test.run();
