// Where K is cut: for few blocks and a deep product, into parts that bindings can start at, and which cover K once.
import * as assert from 'uvu/assert';
import {
  isLongAndThin,
  partsOf,
  splitTile,
  splitTileName,
} from '../../../../../../kernels/matmul/webgpu/candidates/split.ts';
import { TILES, type Tile, tileName } from '../../../../../../kernels/matmul/webgpu/tiles.ts';
import { suite } from '../../../../../support/suite.ts';

const test = suite('split');
const small = TILES.at(-1) as Tile;
const limits = { maxStorageBufferBindingSize: 2 ** 30, minStorageBufferOffsetAlignment: 256 };
const product = (m: number, k: number, n: number) => ({ m, k, n, dtype: 'float32' as const });

test('few blocks of a deep product are cut, many blocks and shallow ones are not', () => {
  assert.is(splitTile(small, product(64, 4096, 64))?.parts, 8);
  assert.is(splitTile(small, product(256, 4096, 256))?.parts, 4);
  assert.is(splitTile(small, product(64, 600, 64))?.parts, 2);
  assert.is(splitTile(small, product(64, 500, 64)), undefined);
  assert.is(splitTile(small, product(1024, 4096, 1024)), undefined);
});

test('a name of its own, and a measurement also of few multiplications', () => {
  assert.is(splitTileName({ tile: small, parts: 4 }), `${tileName(small)}-k4`);
  assert.ok(isLongAndThin(product(64, 4096, 64)));
  assert.not.ok(isLongAndThin(product(64, 64, 64)));
  assert.not.ok(isLongAndThin(product(1, 4096, 1)));
});

test('parts cover K once, in order, and start where B can be bound', () => {
  for (const k of [1, 5, 64, 1000, 4096]) {
    for (const n of [1, 7, 64, 100]) {
      for (const parts of [1, 2, 3, 8]) {
        const chunks = partsOf(product(3, k, n), parts, limits);
        assert.ok(chunks.length >= 1 && chunks.length <= parts, `${k} ${n} ${parts}: ${chunks.length}`);
        assert.is(chunks[0]?.k0, 0);
        assert.is(chunks.at(-1)?.k1, k);
        chunks.forEach(({ k0, k1, m0, m1 }, i) => {
          assert.ok(k1 > k0 && k0 % 4 === 0 && (k0 * n * 4) % 256 === 0);
          if (i > 0) assert.is(k0, chunks[i - 1]?.k1);
          assert.equal([m0, m1], [0, 3]);
        });
      }
    }
  }
});

test.run();
