// Memory of pushed values that others have replaced: used again only where nobody can know it.
import * as assert from 'uvu/assert';
import { RECYCLED_BYTES, RecycledMemory } from '../../../../engines/device/recycled-memory.ts';
import { UserNamespace } from '../../../../engines/user-code/namespace.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('engines/device/recycled-memory');
const BYTES = 2 * RECYCLED_BYTES;
const globals = globalThis as unknown as Record<string, unknown>;

interface Parts {
  readonly memory: RecycledMemory;
  readonly namespace: UserNamespace;
  /** As a push of one name. Gives the value. */
  push(name: string, bytes?: number): Tensor;
}

function parts(): Parts {
  const memory = new RecycledMemory();
  const namespace = new UserNamespace(() => 'engine 0', {
    isNumbers: (value): value is object => value instanceof Tensor || value instanceof Float32Array,
    read: (value) => memory.read(value),
    replaced: (value) => memory.replaced(value),
  });
  const push = (name: string, bytes = BYTES): Tensor => {
    const part = memory.take(bytes) ?? new Uint8Array(bytes);
    const value = new Tensor('float32', [bytes / 4], new Float32Array(part.buffer, part.byteOffset, bytes / 4));
    namespace.set(name, value);
    memory.pushed(value);
    return value;
  };
  return { memory, namespace, push };
}

/** True if the push after the next one gets the memory of the first. */
function isReused(name: string, { push, memory }: Parts, between: (value: Tensor) => void): boolean {
  const first = push(name);
  between(first);
  push(name);
  const next = memory.take(BYTES);
  return next?.buffer === first.data.buffer;
}

let names = 0;
const check = (what: string, wanted: boolean, between: (it: Parts & { name: string }, value: Tensor) => void): void =>
  test(`${wanted ? 'used again' : 'never used again'}: ${what}`, () => {
    const it = { ...parts(), name: `recycled${names++}` };
    try {
      assert.is(
        isReused(it.name, it, (value) => between(it, value)),
        wanted,
      );
    } finally {
      it.namespace.delete(it.name);
      it.namespace.delete('another');
    }
  });

check('a value that nobody has read', true, () => {});
check('its size was counted', true, ({ namespace }) => void namespace.sizes());
check('names were listed, and values looked for', true, ({ namespace }) => {
  namespace.names();
  namespace.nameOf({});
});
check('user code has read the name', false, ({ name }) => void globals[name]);
check('user code has its getter alone, and calls it later', false, ({ name }) => {
  Object.getOwnPropertyDescriptor(globalThis, name)?.get?.();
});
check('a verb of the engine has it', false, ({ namespace, name }) => void namespace.peek(name));
check('a verb has something inside it', false, ({ namespace, name }) => void namespace.peek(`${name}.data`));
check('user code was given it by name', false, ({ namespace, name }) => void namespace.get(name));
check('all values were handed out', false, ({ namespace }) => void namespace.values());
check('another name holds it', false, ({ namespace }, value) => namespace.set('another', value));
check('user code has given the name another value', false, ({ name }) => {
  globals[name] = 5;
});
check('the name was deleted', false, ({ namespace, name }) => void namespace.delete(name));

test('a value that is part of its memory, or came with others, is not used again', () => {
  const { memory, namespace } = parts();
  const part = memory.take(BYTES) as Uint8Array;
  const half = new Float32Array(part.buffer, 0, BYTES / 8);
  namespace.set('half', half);
  memory.pushed(half);
  namespace.set('half', 1);
  const own = new Float32Array((memory.take(BYTES) as Uint8Array).buffer);
  // A push of several names says nothing.
  namespace.set('half', own);
  namespace.set('half', 2);
  const foreign = new Float32Array(BYTES / 4);
  namespace.set('half', foreign);
  memory.pushed(foreign);
  namespace.set('half', 3);
  assert.is(memory.bytes, 0);
  namespace.delete('half');
});

test('only memory of the same size; so much of it; and none for small values', () => {
  const { memory, push, namespace } = parts();
  assert.is(memory.take(RECYCLED_BYTES - 1), undefined);
  const first = push('sized');
  push('sized', 2 * BYTES);
  assert.is(memory.bytes, BYTES);
  assert.is.not((memory.take(2 * BYTES) as Uint8Array).buffer, first.data.buffer);
  assert.is((memory.take(BYTES) as Uint8Array).buffer, first.data.buffer);
  const large = 100 * 2 ** 20;
  for (const name of ['x', 'y', 'z']) push(`sized_${name}`, large);
  for (const name of ['x', 'y', 'z']) namespace.set(`sized_${name}`, 0);
  assert.is(memory.bytes, 2 * large);
  for (const name of ['sized', 'sized_x', 'sized_y', 'sized_z']) namespace.delete(name);
});

test.run();
