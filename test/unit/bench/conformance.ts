// The cases of bench/conformance.ts: what a software GPU may leave out, and what it may not.
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Case, candidates, casesOf, covering, groupsOf } from '../../../bench/conformance/cases.ts';
import { nameOfTile } from '../../../kernels/matmul/webgpu/candidates/gemm-tile.ts';
import { matrixTiles } from '../../../kernels/matmul/webgpu/subgroup-matrix.ts';
import { TILES, type Tile, tilesFor } from '../../../kernels/matmul/webgpu/tiles.ts';
import { suite } from '../../support/suite.ts';

const test = suite('conformance cases');
const config = { M: 16, N: 16, K: 16, componentType: 'f16', resultComponentType: 'f32' };
const matrices = matrixTiles({ subgroupMinSize: 32, subgroupMaxSize: 32, subgroupMatrixConfigs: [config] });
const tiles = candidates({ allTiles: [...TILES, ...matrices], split16Tiles: [{ halves: TILES[0]! }] });

const pairs = (cases: readonly Case[], of: (one: Case) => string): string[] => [...new Set(cases.map(of))].sort();

for (const dtypes of [
  ['float32', 'int32'],
  ['float32', 'int32', 'float16'],
] as const) {
  test(`the covering set of ${dtypes.length} dtypes has each pair of tile, dtype and alignment`, () => {
    const all = casesOf(tiles, dtypes);
    const some = covering(all);
    assert.ok(some.length < all.length);
    assert.ok(some.every((one) => all.includes(one)));
    for (const of of [
      ({ tile, dtype }: Case) => `${nameOfTile(tile)} ${dtype}`,
      ({ tile, alignment }: Case) => `${nameOfTile(tile)} ${alignment}`,
      ({ dtype, alignment }: Case) => `${dtype} ${alignment}`,
    ]) {
      assert.equal(pairs(some, of), pairs(all, of));
    }
  });
}

test('a covering set of one tile has each of its alignments, and small tiles run in full', () => {
  for (const tile of TILES) {
    const all = casesOf([tile], ['float32', 'int32']);
    const some = covering(all);
    assert.equal(
      pairs(some, ({ alignment }) => alignment),
      pairs(all, ({ alignment }) => alignment),
      nameOfTile(tile),
    );
    assert.is(some.length === all.length, tile.blockM * tile.blockN < 128 * 64, nameOfTile(tile));
  }
});

test('groups have one tile and dtype each, and all cases once', () => {
  const all = casesOf(tiles, ['float32', 'int32']);
  const groups = groupsOf(all);
  assert.equal(groups.flat().length, all.length);
  for (const group of groups) assert.is(pairs(group, ({ tile, dtype }) => `${nameOfTile(tile)} ${dtype}`).length, 1);
});

/** SwiftShader's limits. */
const SOFTWARE = {
  maxComputeWorkgroupStorageSize: 32_768,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
};

test('the committed run on a software GPU has every case of every tile, and all are right', () => {
  const recorded = JSON.parse(readFileSync('bench/results/conformance-software.json', 'utf8')) as Recorded;
  const blocks = tilesFor(SOFTWARE);
  assert.is(blocks.length, TILES.length);
  const offered = candidates({ allTiles: blocks, split16Tiles: [{ halves: blocks[0] as Tile }] });
  const all = casesOf(offered, ['float32', 'int32']);
  const key = ({ tile, dtype, alignment, shape }: Recorded['outcomes'][number]) =>
    `${tile} ${dtype} ${alignment} ${shape}`;
  assert.equal(
    recorded.outcomes.map(key).sort(),
    all.map((one) => key({ ...one, tile: nameOfTile(one.tile), shape: one.shape.join('×') })).sort(),
  );
  assert.ok(recorded.outcomes.every(({ verified }) => verified === true));
  assert.equal([recorded.cases, recorded.wrong], [all.length, 0]);
});

interface Recorded {
  readonly cases: number;
  readonly wrong: number;
  readonly outcomes: readonly {
    readonly tile: string;
    readonly dtype: string;
    readonly alignment: string;
    readonly shape: string;
    readonly verified?: unknown;
  }[];
}

test.run();
