// The table of methods binds both sides: clients encode by it, verbs are typed by it.
import { deepStrictEqual } from 'node:assert/strict';
import { expectTypeOf } from 'expect-type';
import * as assert from 'uvu/assert';
import { verbOf } from '../../../engines/verbs/index.ts';
import type { Verb } from '../../../engines/verbs/verb.ts';
import type { Calls } from '../../../src/client/calls/calls.ts';
import type { AsyncResult } from '../../../src/client/results/async-result.ts';
import { decodeArguments, type EncodedCall, encodeCall } from '../../../src/protocol/codec.ts';
import type { ControlValue, EngineStatus } from '../../../src/protocol/messages/control.ts';
import { type Description, METHODS, type Method, type PullArguments } from '../../../src/protocol/methods.ts';
import { suite } from '../../support/suite.ts';

const test = suite('methods');

const revivers = { fn: String, ref: String, module: String };

// Never called: the compiler reads it.
function contract(calls: Calls<'many'>): void {
  type Descriptions = readonly Description[];
  expectTypeOf(calls.each('pdot', 'describe', { values: [] })).toEqualTypeOf<
    AsyncResult<Descriptions[], Descriptions>
  >();
  calls.each('gather', 'pull', (i) => (i === 0 ? undefined : { names: 'a' }));
  // @ts-expect-error the arguments of another method
  calls.each('pdot', 'describe', { names: 'a' });
  // @ts-expect-error a method that engines do not have
  calls.each('call', 'call', {});
  // @ts-expect-error an argument that is missing
  encodeCall('push', { names: ['a'] });
  // @ts-expect-error a value that the method does not give
  calls.each<'describe', string>('pdot', 'describe', { values: [] });
  expectTypeOf(encodeCall('pull', { names: 'a' })).toEqualTypeOf<EncodedCall<'pull'>>();
  expectTypeOf(verbOf('pull')).toEqualTypeOf<Verb<'pull'>>();
  // @ts-expect-error a verb that gives another value than its method
  const wrong: Verb<'push'> = { runsUserCode: () => false, run: () => 1 };
  void wrong;
  expectTypeOf<ControlValue<{ type: 'status' }>>().toEqualTypeOf<EngineStatus>();
  expectTypeOf<ControlValue<{ type: 'interrupt'; ids: [] }>>().toEqualTypeOf<string | null>();
}

test('both sides are typed by one table', () => assert.type(contract, 'function'));

test('every method has a verb', () => {
  for (const method of METHODS) assert.type(verbOf(method).run, 'function', method);
});

test('a call carries its method, and its arguments come back', () => {
  const args: PullArguments = { names: ['a', 'b.c'] };
  const call = encodeCall('pull', args);
  assert.is(call.method satisfies Method, 'pull');
  deepStrictEqual(decodeArguments('pull', call.body, revivers), args);
});

test.run();
