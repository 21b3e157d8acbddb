// The candidates that the tuner gets on real cards, by the limits and matrix shapes that Dawn tells of them; and that nothing
// which no card has chosen yet is taken without a measurement. wgsl.ts compiles the texts.
import * as assert from 'uvu/assert';
import { candidates, casesOf } from '../../../../../bench/conformance/cases.ts';
import { isStream, nameOfTile, tileServes } from '../../../../../kernels/matmul/webgpu/candidates/gemm-tile.ts';
import { splitTile } from '../../../../../kernels/matmul/webgpu/candidates/split.ts';
import { streamTile } from '../../../../../kernels/matmul/webgpu/candidates/stream.ts';
import {
  type MatrixAdapterInfo,
  type MatrixConfig,
  matrixSharedBytes,
  matrixThreads,
  matrixTilesFor,
} from '../../../../../kernels/matmul/webgpu/subgroup-matrix.ts';
import {
  guessTile,
  sharedBytes,
  TILES,
  type TileLimits,
  threadsOf,
  tilesFor,
} from '../../../../../kernels/matmul/webgpu/tiles.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('tiles of cards');

interface Card {
  readonly limits: TileLimits;
  readonly info: MatrixAdapterInfo;
  /** Tiles for matrix units, and the blocks that do not fit, by their names. */
  readonly matrices: number;
  readonly without: readonly string[];
}

const limits = (shared: number, threads: number): TileLimits => ({
  maxComputeWorkgroupStorageSize: shared,
  maxComputeInvocationsPerWorkgroup: threads,
  maxComputeWorkgroupSizeX: threads,
});
const shape = (M: number, N: number, K: number): MatrixConfig => ({
  M,
  N,
  K,
  componentType: 'f16',
  resultComponentType: 'f32',
});
const subgroups = (least: number, most: number, ...configs: MatrixConfig[]): MatrixAdapterInfo => ({
  subgroupMinSize: least,
  subgroupMaxSize: most,
  subgroupMatrixConfigs: configs,
});

const NVIDIA = {
  limits: limits(49_152, 1024),
  info: subgroups(32, 32, shape(16, 8, 8), shape(16, 8, 16), shape(16, 16, 16)),
  matrices: 8,
  without: [],
};

/** Blocks that take more than 16 KiB, even without padding. */
const TOO_LARGE = [
  '128x128x16-8x8-b2u1',
  '128x128x16-8x8-b2u4',
  '128x256x8-8x16-b2u1',
  '128x256x8-8x16-b2u1t',
  '128x64x16-8x4-b2u1',
  '64x128x16-4x8-b2u1',
];

const CARDS: Readonly<Record<string, Card>> = {
  'H100 and H200': NVIDIA,
  A100: NVIDIA,
  'RTX 4090': NVIDIA,
  // Its subgroups have 32 or 64 threads: nobody knows which ones work together.
  'Radeon RX 7900': {
    limits: limits(65_536, 1024),
    info: subgroups(32, 64, shape(16, 16, 16)),
    matrices: 0,
    without: [],
  },
  'Apple M3': { limits: limits(32_768, 1024), info: subgroups(4, 64), matrices: 0, without: [] },
  'Intel Arc': { limits: limits(32_768, 1024), info: subgroups(8, 32, shape(8, 16, 16)), matrices: 0, without: [] },
  "WebGPU's least": { limits: limits(16_384, 256), info: {}, matrices: 0, without: TOO_LARGE },
};

/** Products from one block to large ones, thin and odd ones. */
const PRODUCTS = [
  [4096, 4096, 4096],
  [8192, 8192, 8192],
  [1024, 1024, 1024],
  [512, 512, 512],
  [64, 64, 64],
  [4096, 64, 4096],
  [64, 4096, 64],
  [4095, 4095, 4095],
  [1, 4096, 4096],
  [5, 3, 7],
] as const;

/** The kernels that no card has chosen yet: measured everywhere, guessed nowhere. */
const UNCHOSEN = /x8-8x8-|^128x256|^64x64x16-8x8|t$|t-|-k\d|-s\d|matrix|split16/;

for (const [name, card] of Object.entries(CARDS)) {
  const blocks = tilesFor(card.limits);
  const matrices = matrixTilesFor(card.info, card.limits);

  test(`${name}: every tile that is offered fits, and the others do not`, () => {
    const { maxComputeWorkgroupStorageSize: bytes, maxComputeInvocationsPerWorkgroup: threads } = card.limits;
    for (const tile of blocks) assert.ok(sharedBytes(tile) <= bytes && threadsOf(tile) <= threads, nameOfTile(tile));
    for (const tile of matrices)
      assert.ok(matrixSharedBytes(tile) <= bytes && matrixThreads(tile) <= threads, nameOfTile(tile));
    assert.is(matrices.length, card.matrices);
    const offered = new Set(blocks.map((tile) => nameOfTile({ ...tile, rowsOfA: 'padded' })));
    assert.equal(
      TILES.map(nameOfTile).filter((tile) => !offered.has(tile)),
      card.without,
    );
  });

  test(`${name}: conformance has every tile, and every kind that the tuner makes by shape`, () => {
    const offered = candidates({
      allTiles: [...matrices, ...blocks],
      split16Tiles: [{ halves: matrices[0] ?? blocks[0]! }],
    });
    const covered = new Set(casesOf(offered, ['float32', 'int32', 'float16']).map(({ tile }) => nameOfTile(tile)));
    for (const tile of [...matrices, ...blocks]) assert.ok(covered.has(nameOfTile(tile)), nameOfTile(tile));
    for (const kind of [/-k\d/, /-s\d/, /^split16/])
      assert.ok(
        [...covered].some((one) => kind.test(one)),
        String(kind),
      );
  });

  test(`${name}: without a measurement one of the first tiles is taken`, () => {
    for (const [m, k, n] of PRODUCTS) {
      for (const dtype of ['float32', 'int32', 'float16'] as const) {
        const guess = guessTile({ m, k, n, dtype }, card.limits);
        assert.not.ok(UNCHOSEN.test(nameOfTile(guess)), nameOfTile(guess));
        assert.ok(blocks.some((tile) => nameOfTile(tile) === nameOfTile(guess)));
      }
    }
  });
}

test('on NVIDIA each kernel of the plan is a candidate of the tuner: by block, by few blocks, by dtype', () => {
  const { info, limits: most } = NVIDIA;
  const blocks = tilesFor(most);
  const names = blocks.map(nameOfTile);
  for (const one of [/^128x128x8-8x8/, /^128x256x8-8x16/, /^64x64x16-8x8/, /^128x128x8-.*t$/, /^128x128x16-.*t$/]) {
    assert.ok(
      names.some((name) => one.test(name)),
      String(one),
    );
  }
  const few = { m: 64, k: 4096, n: 64, dtype: 'float32' } as const;
  const many = { m: 8192, k: 8192, n: 8192, dtype: 'float32' } as const;
  assert.is(blocks.filter((tile) => splitTile(tile, few) !== undefined).length, blocks.length);
  assert.is(blocks.filter((tile) => splitTile(tile, many) !== undefined).length, 0);
  const streams = blocks.flatMap((tile) => streamTile(tile, { ...few, m: 1024, n: 1024 }) ?? []);
  assert.ok(streams.length > 0 && streams.every(isStream));
  const matrices = matrixTilesFor(info, most).map(nameOfTile);
  for (const one of [/w64x64$/, /w64x64-b2$/, /w64x64-direct$/, /w64x64-b2-direct$/]) {
    assert.ok(
      matrices.some((name) => one.test(name)),
      `${one}: ${matrices}`,
    );
  }
  const served = matrixTilesFor(info, most).filter((tile) => tileServes(tile, { ...many, dtype: 'float16' }));
  assert.is(served.length, matrices.length);
});

test.run();
