// The public types, checked by the compiler; at run time this file only has to load.

import type { AsyncResult, Client, DirectView, ExecuteReply, ItemStream, RemoteError, Tensor } from 'directview';
import { pdot, ref, tensor } from 'directview';
import { expectTypeOf } from 'expect-type';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const test = suite('types');

// Never called: the compiler reads it.
async function contract(rc: Client, one: DirectView<'one'>, many: DirectView<'many'>): Promise<void> {
  const pid = () => process.pid;
  expectTypeOf(rc.view(0)).toEqualTypeOf<DirectView<'one'>>();
  expectTypeOf(rc.view(':')).toEqualTypeOf<DirectView<'many'>>();
  expectTypeOf(rc[':']).toEqualTypeOf<DirectView<'many'>>();
  expectTypeOf(rc[0]).toEqualTypeOf<DirectView<'one'>>();
  expectTypeOf(one.apply(pid)).toEqualTypeOf<AsyncResult<number, number>>();
  expectTypeOf(many.apply(pid)).toEqualTypeOf<AsyncResult<number[], number>>();
  expectTypeOf(await one.apply(pid)).toEqualTypeOf<number>();
  expectTypeOf(await many.apply(pid)).toEqualTypeOf<number[]>();
  expectTypeOf(await one.apply(async () => 'x')).toEqualTypeOf<string>();
  expectTypeOf(await one.apply((x: number) => x > 1, 5)).toEqualTypeOf<boolean>();
  expectTypeOf(await one.apply((x: number) => x > 1, ref('a'))).toEqualTypeOf<boolean>();
  expectTypeOf(await one.map((x: number) => String(x), [1, 2])).toEqualTypeOf<string[]>();
  // Items of one list tell the type of the parameter; all other sequences leave it to the function.
  expectTypeOf(await one.map((x) => x.length, ['a'])).toEqualTypeOf<number[]>();
  expectTypeOf(await many.map(async (x) => x, [1], { concurrency: 2 })).toEqualTypeOf<number[]>();
  expectTypeOf(await many.map((x: number, y: string) => y.repeat(x), [1], ['a'])).toEqualTypeOf<string[]>();
  expectTypeOf(await many.map((x: Float64Array) => x.length, tensor([[1]]))).toEqualTypeOf<number[]>();
  expectTypeOf(await many.map(ref('f'), [1])).toEqualTypeOf<unknown[]>();
  expectTypeOf(await rc.loadBalanced().map((x) => x + 1, [1], { ordered: false })).toEqualTypeOf<number[]>();
  expectTypeOf(await many.execute('1')).toEqualTypeOf<ExecuteReply[]>();
  expectTypeOf(await one.push({ a: 1 })).toEqualTypeOf<undefined>();
  expectTypeOf(await many.pull(['a'])).toEqualTypeOf<unknown[][]>();
  expectTypeOf(await many.apply(pid).get({ returnErrors: true })).toEqualTypeOf<(number | RemoteError)[]>();
  expectTypeOf(await pdot(many, [[1]], [[1]])).toEqualTypeOf<Tensor>();
  expectTypeOf(await many.px`1`).toEqualTypeOf<void>();
  expectTypeOf(one.remote((x: number) => String(x))(1)).toEqualTypeOf<AsyncResult<string, string>>();
  expectTypeOf(many.parallel((x: number) => String(x)).map([1])).toEqualTypeOf<AsyncResult<string[], string>>();
  const [lview, text] = [rc.loadBalanced(), (x: number) => String(x)];
  expectTypeOf(lview.imap(text, [1])).toEqualTypeOf<ItemStream<string>>();
  expectTypeOf(lview.imap(text, [1], { ordered: false })).toEqualTypeOf<ItemStream<string>>();
  expectTypeOf(lview.imap(text, [1], { returnErrors: true, hwm: 1 })).toEqualTypeOf<ItemStream<string | RemoteError>>();
  const declared = { returnErrors: true, chunkSize: 2 } as const;
  expectTypeOf(lview.imap(text, [1], declared)).toEqualTypeOf<ItemStream<string | RemoteError>>();
  // @ts-expect-error an argument of the wrong type
  one.apply((x: number) => x, 'text');
}

test('the contract compiles', () => assert.type(contract, 'function'));
test.run();
