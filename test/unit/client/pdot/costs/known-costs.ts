// Measured costs in the private folder of a cluster: written for others, read once, and never in the way.
import { chmodSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { ClusterCosts } from '../../../../../src/client/pdot/costs/costs.ts';
import { KnownCosts, type MeasuredEngine } from '../../../../../src/client/pdot/costs/known-costs.ts';
import { suite } from '../../../../support/suite.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const test = suite('client/pdot/costs/known-costs');
const folder = temporaryFolder('dvcosts-');
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

const wasm = { kind: 'wasm', adapter: 'x', matmul: 'openblas', threads: 1 } as const;
const engine = (id: number, device: MeasuredEngine['device'] = wasm, host = 'here'): MeasuredEngine => ({
  id,
  host,
  device,
});
const TWO = [engine(0), engine(1)];

const CHANGES: [string, readonly MeasuredEngine[], RegExp][] = [
  ['one has come', [...TWO, engine(2)], /they are of 2 engines, and there are 3; probe again$/],
  ['one has gone', [engine(0)], /they are of 2 engines, and there are 1; probe again$/],
  [
    'another context',
    [engine(0), engine(1, { ...wasm, kind: 'webgpu' })],
    /was on here: wasm, .* and is on here: webgpu, /,
  ],
  ['another library', [engine(0), engine(1, { ...wasm, matmul: 'onnx' })], /was on .* openblas, .* is on .* onnx, /],
  ['more threads', [engine(0), engine(1, { ...wasm, threads: 2 })], /1 threads, and is on .* 2 threads/],
  ['another host', [engine(0), engine(1, wasm, 'there')], /was on here: .* is on there: /],
];

for (const [name, engines, reason] of CHANGES) {
  test(`engines have changed: ${name}: costs do not count, and a new measurement does`, () => {
    const own = new KnownCosts(info);
    own.keep(COSTS, TWO);
    for (const known of [own, new KnownCosts(info)]) {
      assert.equal(known.find(TWO), { costs: COSTS });
      assert.match(known.find(engines).ignored as string, reason);
      assert.is(known.find(engines).costs, undefined);
      assert.equal(known.find([engine(7), engine(3)]), { costs: COSTS }, 'successors with other ids');
    }
    const early = new KnownCosts(info);
    early.find(TWO);
    own.keep({ ...COSTS, call: 7 }, engines);
    assert.is(own.find(engines).costs?.call, 7);
    assert.is(early.find(engines).costs?.call, 7, 'it reads again when engines have changed');
  });
}

const WRONG: [string, unknown, RegExp][] = [
  ['no JSON', '{', /^costs\.json does not count: .*JSON/],
  ['null', 'null', /another version of this package wrote it$/],
  ['the format before', JSON.stringify(COSTS), /another version of this package wrote it$/],
  ['a later format', JSON.stringify({ format: 3 }), /another version of this package wrote it$/],
  ['a text for a number', JSON.stringify({ format: 2, of: [], costs: { ...COSTS, call: 'x' } }), /call/],
  ['a cost is missing', JSON.stringify({ format: 2, of: [], costs: { ...COSTS, call: undefined } }), /call/],
  ['no list of engines', JSON.stringify({ format: 2, costs: COSTS }), /of/],
  ['a negative cost', JSON.stringify({ format: 2, of: [], costs: { ...COSTS, mail: -1 } }), /no cluster has mail -1$/],
  ['no speed', JSON.stringify({ format: 2, of: [], costs: { ...COSTS, flops: 0 } }), /no cluster has flops 0$/],
];

for (const [name, text, reason] of WRONG) {
  test(`a file that is wrong is not used, and the reason says why: ${name}`, () => {
    const file = join(folder, 'costs.json');
    rmSync(file, { force: true });
    writeFileSync(file, text as string, { mode: 0o600 });
    const { costs, ignored } = new KnownCosts(info).find([]);
    assert.is(costs, undefined);
    assert.match(ignored as string, reason);
  });
}

test('a file that others can open is not used, by name; without a file there is no reason', () => {
  const file = join(folder, 'costs.json');
  chmodSync(file, 0o644);
  assert.match(new KnownCosts(info).find([]).ignored as string, /does not count: refused .* its mode is 0644/);
  rmSync(file);
  assert.equal(new KnownCosts(info).find([]), {});
});

test.run();
