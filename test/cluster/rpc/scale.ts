// Many engines: all of them arrive, for few messages, and a call reaches each. Light engines of the benchmark, in a process
// of their own, speak the product's protocol over its sockets.
import * as assert from 'uvu/assert';
import { LightCluster } from '../../../bench/support/scale/light-cluster.ts';
import { suite } from '../../support/suite.ts';

const ENGINES = 96;
const test = suite('rpc/scale');
let cluster: LightCluster;

test.before(async () => {
  cluster = await LightCluster.start(ENGINES);
});
test.after(() => cluster.stop());

test('all arrive, and none is told of all the others', async () => {
  assert.is(cluster.rc.length, ENGINES);
  const each = (await cluster.messages()) / ENGINES;
  // Every engine told of every other one would be 96 messages each.
  assert.ok(each < 8, `${each} messages for each engine`);
});

test('a call reaches each of them, once', async () => {
  const before = await cluster.messages();
  const values = await cluster.rc.view(':').apply(() => 1);
  assert.is(values.length, ENGINES);
  const each = ((await cluster.messages()) - before) / ENGINES;
  assert.ok(each < 8, `${each} messages for each engine`);
});

test('equal device reports are one object', () => {
  assert.is(new Set(cluster.rc.engines.map(({ device }) => device)).size, 1);
});

test.run();
