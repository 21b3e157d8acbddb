// The ring's promises: no deadlock between clients, a dead or hanging peer fails everyone who needs it, nothing is left.
import * as assert from 'uvu/assert';
import { callsOf } from '../../../src/client/direct-view.ts';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { CompositeError, TimeoutError } from '../../../src/errors.ts';
import type { RingMultiply } from '../../../src/protocol/methods.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import { rejects } from '../../support/assert.ts';
import { assertProduct, matrix } from '../../support/cases/pdot.ts';
import { withRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('pdot/ring');
const [a, b] = [matrix('float32', [12, 9]), matrix('float32', [9, 7], 2)];

test('rings of two clients over the same engines in opposite order end', () =>
  withRig(3, async ({ v, cluster, rc }) => {
    v.scatter('A', a);
    await v.scatter('B', b);
    await using other = await cluster.connect();
    const backwards = other.view([2, 1, 0]);
    const engines = rc.view([0, 1, 2]);
    const products = Array.from({ length: 20 }, (_, i) =>
      i % 2 === 0
        ? pdot(engines, ref('A'), ref('B'), { timeout: 20_000 })
        : pdot(backwards, a, b, { plan: 'ring', timeout: 20_000 }),
    );
    for (const product of await Promise.all(products)) assertProduct(product, a, b);
    for (const { mail } of await v.memory()) assert.is(mail, 0);
  }));

test('a view of some engines, in another order', () =>
  withRig(4, async ({ rc }) => {
    const some = rc.view([3, 1]);
    some.scatter('A', a);
    some.scatter('B', b);
    assertProduct(await pdot(some, ref('A'), ref('B')), a, b);
  }));

test('large blocks travel as they are', () =>
  withRig(2, async ({ v }) => {
    const wide = matrix('int32', [600, 1500]);
    const tall = matrix('int32', [1500, 500], 2);
    assertProduct(await pdot(v, wide, tall, { plan: 'ring' }), wide, tall);
  }));

test('an engine that dies takes the product with it, by name, and the others live on', () =>
  withRig(3, async ({ v, rc }) => {
    v.scatter('A', a);
    await v.scatter('B', b);
    rc.view(2)
      .apply(() => process.exit(3))
      .get()
      .catch(() => {});
    const product = pdot(v, ref('A'), ref('B'));
    const error = await rejects(() => product, CompositeError);
    assert.match(error.message, /Engine 2 died|engine 2/);
    const rest = rc.view([0, 1]);
    assert.equal(await rest.apply(() => 1), [1, 1]);
    for (const { mail } of await rest.memory()) assert.is(mail, 0);
  }));

test('who waits for a peer that is gone says who waited for whom', () =>
  withRig(2, async ({ e0, rc }) => {
    const gone: RingMultiply = {
      step: 'multiply',
      tag: 'pdot:test',
      place: 0,
      a,
      dtype: 'float32',
      shape: [9, 7],
      from: [0, 1],
    };
    const waiting = callsOf(e0).each('pdot', 'ring', gone);
    await rc
      .view(1)
      .apply(() => process.exit(3))
      .get()
      .catch(() => {});
    await rejects(() => waiting, Error, /engine 0 waited for .*engine 1.*left|engine 0 waited for .*engine 1/);
  }));

test('a timeout in front of a busy engine leaves no mail', () =>
  withRig(2, async ({ v, rc }) => {
    await v.push({ slow: 1 });
    const busy = rc.view(1).apply(() => new Promise((resolve) => setTimeout(() => resolve(1), 400)));
    await rejects(() => pdot(v, a, b, { plan: 'ring', timeout: 100 }), TimeoutError);
    await busy;
    await v.clear();
    for (const { mail, device } of await v.memory()) assert.equal([mail, device?.buffers ?? 0], [0, 0]);
  }));

test.run();
