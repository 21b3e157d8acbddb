// Measured costs in the private folder of a cluster: written for others, read once, and never in the way.
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { ClusterCosts } from '../../../../../src/client/pdot/costs/costs.ts';
import { KnownCosts } from '../../../../../src/client/pdot/costs/known-costs.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('client/pdot/costs/known-costs');
const folder = mkdtempSync(join(tmpdir(), 'dvcosts-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const info = { controller: `unix://${folder}/controller`, clusterId: 'c' };
const bytes = { send: 1e-9, sendAgain: 0, receive: 1e-9, between: 1e-9 };
const COSTS: ClusterCosts = { engines: 2, measured: 5, call: 1e-4, perEngine: 1e-5, mail: 1e-4, ...bytes, flops: null };

test('one client measures; those that come later know it', () => {
  const [first, early] = [new KnownCosts(info), new KnownCosts(info)];
  assert.is(early.get(), undefined);
  first.keep(COSTS);
  assert.equal(first.get(), COSTS);
  assert.is(early.get(), undefined, 'it has asked already');
  assert.equal(new KnownCosts(info).get(), COSTS);
  assert.equal(new KnownCosts({ controller: 'tcp://127.0.0.1:5', clusterId: 'c', runDir: folder }).get(), COSTS);
  assert.is(statSync(join(folder, 'costs.json')).mode & 0o777, 0o600);
});

test('a folder that is not here: the client that has measured knows it alone', () => {
  for (const elsewhere of [
    { controller: 'tcp://127.0.0.1:5', clusterId: 'c' },
    { controller: 'unix:///nowhere/at/all', clusterId: 'c' },
  ]) {
    const known = new KnownCosts(elsewhere);
    known.keep(COSTS);
    assert.equal(known.get(), COSTS);
    assert.is(new KnownCosts(elsewhere).get(), undefined);
  }
});

test('a file that is damaged, or open to others, counts as none', () => {
  const file = join(folder, 'costs.json');
  for (const text of ['', '{', '{}', 'null', JSON.stringify({ ...COSTS, call: 'x' })]) {
    writeFileSync(file, text);
    assert.is(new KnownCosts(info).get(), undefined, text);
  }
  writeFileSync(file, JSON.stringify(COSTS));
  chmodSync(file, 0o644);
  assert.is(new KnownCosts(info).get(), undefined);
});

test.run();
