// Listeners of users: whatever they throw, the caller goes on and the process warns.
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { notify } from '../../../src/rpc/notify.ts';
import { suite } from '../../support/suite.ts';

const test = suite('rpc/notify');

const thrower = (value: unknown) => () => {
  throw value;
};

const throws = () => {
  throw 1;
};

const hostile: Record<string, unknown> = {
  'an error whose message throws': Object.defineProperty(new Error('x'), 'message', { get: throws }),
  'an error whose stack throws': Object.defineProperty(new Error('x'), 'stack', { get: throws }),
  'an error whose name throws': Object.defineProperty(new Error('x'), 'name', { get: throws }),
  'a proxy without prototype': new Proxy({}, { getPrototypeOf: throws, get: throws }),
  'an object that shows itself badly': { [Symbol.for('nodejs.util.inspect.custom')]: throws },
  'a revoked proxy': revoked(),
  null: null,
  undefined: undefined,
  'a symbol': Symbol('thrown'),
};

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

for (const [what, value] of Object.entries(hostile)) {
  for (const [how, listener] of [
    ['throws', thrower(value)],
    ['rejects with', () => Promise.reject(value)],
    ['has a then that throws', () => Object.defineProperty({}, 'then', { value: thrower(value) })],
    ['has a then that cannot be read, for', () => Object.defineProperty({}, 'then', { get: thrower(value) })],
  ] as const)
    test(`a listener that ${how} ${what}`, async () => {
      const warned = once(process, 'warning');
      notify(listener, 'event', 'this test');
      const [warning] = (await warned) as [Error];
      assert.is(warning.name, 'ListenerWarning');
      assert.match(warning.message, /^a listener of this test threw: ./);
    });
}

test.run();
