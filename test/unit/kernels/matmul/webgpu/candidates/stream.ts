// Where workgroups share the steps along K: for blocks that leave compute units without work.
import * as assert from 'uvu/assert';
import { streamTile, streamTileName } from '../../../../../../kernels/matmul/webgpu/candidates/stream.ts';
import { TILES, type Tile, tileName } from '../../../../../../kernels/matmul/webgpu/tiles.ts';
import { suite } from '../../../../../support/suite.ts';

const test = suite('stream');
const large = TILES[0] as Tile;
const product = (m: number, k: number, n: number) => ({ m, k, n, dtype: 'float32' as const });

test('few blocks and a bad last wave are shared out, full waves and shallow products are not', () => {
  // 64 blocks for 132 compute units; 1024 blocks fill 7.76 waves.
  assert.is(streamTile(large, product(1024, 4096, 1024))?.groups, 132);
  assert.is(streamTile(large, product(4096, 4096, 4096)), undefined);
  assert.is(streamTile(large, product(128, 64, 128)), undefined);
  // 144 blocks: one wave and a twelfth of the next.
  assert.is(streamTile(large, product(1536, 1536, 1536))?.groups, 132);
});

test('a kernel with few registers has several workgroups on a unit', () => {
  const transposed = TILES.find((tile) => tile.transposesA === true) as Tile;
  assert.is(streamTile(transposed, product(1024, 4096, 1024))?.groups, 264);
  for (const tile of TILES) {
    const groups = streamTile(tile, product(1024, 65_536, 1024))?.groups ?? 132;
    assert.ok(groups % 132 === 0 && groups <= 4 * 132, tileName(tile));
  }
});

test('a name of its own', () => {
  assert.is(streamTileName({ tile: large, groups: 132 }), `${tileName(large)}-s132`);
});

test.run();
