import { deepStrictEqual } from 'node:assert/strict';
import { Deserializer, deserialize, serialize } from 'node:v8';
import * as assert from 'uvu/assert';
import { decodeBody, encodeBody, encodeCall } from '../../../../src/protocol/codec.ts';
import {
  NOT_PLAIN,
  readPlain,
  readPlainCall,
  writePlain,
  writePlainCall,
} from '../../../../src/protocol/values/plain-value.ts';
import { KIND } from '../../../../src/protocol/values/wire-kinds.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('values/plain-value');
const REVIVERS = { fn: (source: string) => `fn ${source}`, ref: () => 'ref', module: () => 'module' };

const PLAIN: readonly unknown[] = [
  ...[undefined, null, true, false, '', 'a', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(2048), '\0\x7f\n'],
  ...[0, -0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2 ** 30 - 1, 2 ** 30, -(2 ** 30), 2 ** 31, -(2 ** 31), 2 ** 53],
  ...[0.5, -1e300, 5e-324, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Math.PI],
];
const OF_V8: readonly unknown[] = ['é', '名', 'x'.repeat(2049), `${'x'.repeat(100)}é`, 1n, [], {}, new Date(0), [1]];

/** As V8 reads it. */
const byV8 = (blob: Uint8Array): unknown => deserialize(Buffer.from(blob));

test('V8 reads what is written here, and here is read what V8 writes', () => {
  for (const value of PLAIN) {
    const blob = writePlain(value) as Uint8Array;
    deepStrictEqual(byV8(blob), value);
    deepStrictEqual(readPlain(blob), value);
    deepStrictEqual(readPlain(serialize(value)), value);
    deepStrictEqual(decodeBody(encodeBody(value), REVIVERS), value);
  }
});

test('other values are for V8, and come back', () => {
  for (const value of OF_V8) {
    assert.is(writePlain(value), undefined);
    deepStrictEqual(decodeBody(encodeBody(value), REVIVERS), value);
  }
  assert.is(readPlain(serialize([1])), NOT_PLAIN);
  assert.is(readPlain(serialize('名')), NOT_PLAIN);
});

class FunctionReader extends Deserializer {
  _readHostObject(): object {
    assert.is(this.readUint32(), KIND.function);
    return { source: this.readValue() };
  }
}

const CALLS: readonly (readonly unknown[])[] = [
  [],
  [undefined],
  [1, 'a', null, true, 0.5],
  PLAIN.slice(0, 7),
  new Array(16).fill(7),
];

test('V8 reads the calls that are written here', () => {
  for (const args of CALLS) {
    for (const source of ['() => 1', 'x'.repeat(1000)]) {
      const blob = writePlainCall(source, args) as Uint8Array;
      const reader = new FunctionReader(Buffer.from(blob));
      reader.readHeader();
      deepStrictEqual(reader.readValue(), { fn: { source }, args });
      deepStrictEqual(readPlainCall(blob), { source, args });
      deepStrictEqual(decodeBody([blob], REVIVERS), { fn: `fn ${source}`, args });
    }
  }
});

test('calls with other arguments, and other functions, are for V8', () => {
  for (const args of [...OF_V8.map((value) => [value]), new Array(17).fill(0), ['x'.repeat(2000), 'x'.repeat(2000)]])
    assert.is(writePlainCall('() => 1', args), undefined);
  for (const source of ['() => "é"', 'x'.repeat(2049)]) assert.is(writePlainCall(source, []), undefined);
  const plus = (a: number, b: number) => a + b;
  for (const args of [[1, 2], [[1], 2], ['é', 2], new Array(20).fill(1)])
    deepStrictEqual(decodeBody(encodeCall('apply', { fn: plus, args }).body, REVIVERS), { fn: `fn ${plus}`, args });
  deepStrictEqual(decodeBody(encodeCall('apply', { fn: Math.sqrt, args: [1] }).body, REVIVERS), {
    fn: 'ref',
    args: [1],
  });
});

test('what is cut off, too long or changed is not plain, or another value', () => {
  const blobs = [...PLAIN.map((value) => writePlain(value)), ...CALLS.map((args) => writePlainCall('() => 1', args))];
  for (const blob of blobs as Uint8Array[]) {
    for (let length = 0; length < Math.min(blob.length, 200); length++) {
      assert.is(readPlain(blob.subarray(0, length)), NOT_PLAIN);
      assert.is(readPlainCall(blob.subarray(0, length)), undefined);
    }
    const longer = Buffer.concat([blob, Buffer.alloc(1)]);
    assert.is(readPlain(longer), NOT_PLAIN);
    assert.is(readPlainCall(longer), undefined);
    for (let at = 0; at < Math.min(blob.length, 200); at++) {
      const changed = Buffer.from(blob);
      changed[at] = 0xff;
      readPlain(changed);
      readPlainCall(changed);
    }
  }
});

test.run();
