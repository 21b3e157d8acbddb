import { Client, Cluster, fromModule, ref, tensor } from 'directview';
import * as assert from 'uvu/assert';
import { guarded, promises, takes } from '../../../../src/util/signature.ts';
import { atCaller, isCallers } from '../../../../src/util/user-modules/caller-frames.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('util/user-modules/caller-frames');

const framesOf = (error: Error): string[] =>
  String(error.stack)
    .split('\n')
    .filter((line) => /^\s+at /.test(line));

async function errorOf(call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error('the call did not fail');
}

const wrong = (call: (...args: never[]) => unknown, ...args: unknown[]): unknown => call(...(args as never[]));

const CALLS: Readonly<Record<string, () => unknown>> = {
  'a shape that does not fit': () => wrong(tensor, [[1], [1, 2]]),
  'a reference': () => wrong(ref, 5),
  'a module': () => wrong(fromModule, 5),
  'an option of a promise': () => wrong(Cluster.start, { engine: 4 }),
  'a static method': () => wrong(Client.connect, 5),
  'a surplus argument': () => wrong(ref, 'a', 'b'),
};

for (const [name, call] of Object.entries(CALLS)) {
  test(`an error of ${name} begins at the caller's line, under its message`, async () => {
    const error = await errorOf(call);
    const frames = framesOf(error);
    assert.match(frames[0] as string, /unit.util.user-modules.caller-frames/, error.stack);
    assert.ok(frames.every(isCallers), error.stack);
    assert.ok(error.stack?.startsWith(`${error.name}: ${error.message}\n`), error.stack);
  });
}

test("an error of the user's own code keeps all of its frames", async () => {
  const failing = () => JSON.parse('{');
  for (const signature of [takes(), promises()]) {
    const error = await errorOf(guarded('failing', signature, failing));
    const before = await errorOf(failing);
    assert.is(framesOf(error)[0], framesOf(before)[0]);
    assert.ok(
      framesOf(error).some((line) => line.includes('signature')),
      error.stack,
    );
  }
});

test('what is no error, or has no stack, is left as it is', () => {
  for (const thrown of [null, undefined, 'text', { stack: 5 }, Object.assign(new Error('m'), { stack: 5 })]) {
    assert.is(atCaller(thrown), thrown);
  }
  const bare = Object.assign(new Error('m'), { stack: 'Error: m' });
  atCaller(bare);
  assert.is(bare.stack, 'Error: m');
});

test.run();
