// The context that opens at its first use, once.
import * as assert from 'uvu/assert';
import type { GpuContext, ProbedContext } from '../../../../engines/contexts/context.ts';
import { LazyContext } from '../../../../engines/device/lazy-context.ts';
import { UserNamespace } from '../../../../engines/user-code/namespace.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('lazy context');

function scene() {
  const calls: string[] = [];
  const context = { close: async () => void calls.push('close') } as Partial<GpuContext> as GpuContext;
  const probed = {
    open: async () => {
      calls.push('open');
      Object.assign(globalThis, { madeByLibrary: 1 });
      return context;
    },
  } as Partial<ProbedContext> as ProbedContext;
  const namespace = new UserNamespace(() => 'engine 0');
  namespace.markBaseline();
  return { calls, context, probed, namespace, lazy: new LazyContext(namespace) };
}

test('opens once, however many ask at the same time, and closes what is open', async () => {
  const { calls, context, probed, lazy } = scene();
  lazy.found(probed);
  assert.is(lazy.opened, null);
  await lazy.close();
  assert.equal(calls, []);
  assert.equal(await Promise.all([lazy.open(), lazy.open()]), [context, context]);
  assert.is(lazy.opened, context);
  await lazy.close();
  assert.equal(calls, ['open', 'close']);
});

test('the globals of its libraries are not the user’s', async () => {
  const { probed, namespace, lazy } = scene();
  lazy.found(probed);
  await lazy.open();
  assert.equal(namespace.names(), []);
  Reflect.deleteProperty(globalThis, 'madeByLibrary');
});

test('cannot open before it is probed', async () => {
  await rejects(() => scene().lazy.open(), Error, /not probed/);
});

test.run();
