// Memory of operands that were multiplied: the next ones of the same size get it.
import * as assert from 'uvu/assert';
import { OperandMemory } from '../../../../../engines/contexts/host/operand-memory.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('engines/contexts/host/operand-memory');
const MIB = 1 << 20;

test('memory serves again after its release, for the same size only', () => {
  const memory = new OperandMemory();
  const first = memory.take(2 * MIB) as Uint8Array;
  const second = memory.take(2 * MIB) as Uint8Array;
  assert.is.not(first.buffer, second.buffer);
  memory.release(new Float32Array(first.buffer));
  assert.is(memory.bytes, 2 * MIB);
  assert.is.not(memory.take(3 * MIB)?.buffer, first.buffer);
  const again = memory.take(2 * MIB) as Uint8Array;
  assert.is(again.buffer, first.buffer);
  assert.equal([again.byteOffset, again.byteLength], [0, 2 * MIB]);
  assert.is(memory.bytes, 0);
});

test('several values in one piece of memory release it once', () => {
  const memory = new OperandMemory();
  const { buffer } = memory.take(2 * MIB) as Uint8Array;
  memory.release(new Float32Array(buffer, 0, 100));
  memory.release(new Float32Array(buffer, 400, 100));
  assert.is(memory.bytes, 2 * MIB);
  const [one, two] = [memory.take(2 * MIB), memory.take(2 * MIB)];
  assert.is(one?.buffer, buffer);
  assert.is.not(two?.buffer, buffer);
});

test('small operands, and values elsewhere, are not taken', () => {
  const memory = new OperandMemory();
  assert.is(memory.take(MIB - 1), undefined);
  memory.release(new Float32Array(MIB));
  assert.is(memory.bytes, 0);
});

test('no more than 256 MiB wait', () => {
  const memory = new OperandMemory();
  const large = Array.from({ length: 3 }, () => memory.take(100 * MIB) as Uint8Array);
  for (const one of large) memory.release(one);
  assert.is(memory.bytes, 200 * MIB);
});

test.run();
