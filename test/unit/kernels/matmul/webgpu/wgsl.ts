// Every shader text is valid WGSL, the tensor-core ones too: checked by Dawn's compiler on its null backend, which has every
// feature and needs no driver. gemm.ts and the conformance suite check the numbers.
import * as assert from 'uvu/assert';
import { importDawn } from '../../../../../engines/contexts/webgpu/dawn.ts';
import {
  type MatrixConfig,
  matrixShader,
  matrixSharedBytes,
  matrixTile,
  matrixTileName,
  matrixTiles,
  pipelinedMatrixTiles,
} from '../../../../../kernels/matmul/webgpu/subgroup-matrix.ts';
import {
  guessTile,
  sharedBytes,
  TILES,
  type Tile,
  threadsOf,
  tileName,
  tilesFor,
} from '../../../../../kernels/matmul/webgpu/tiles.ts';
import { type GemmDType, gemmShader } from '../../../../../kernels/matmul/webgpu/wgsl.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('wgsl');
const FEATURES = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
let gpu: GPU;
let device: GPUDevice;

test.before(async () => {
  const { create } = await importDawn();
  gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
  const adapter = await gpu.requestAdapter();
  device = await (adapter as GPUAdapter).requestDevice({ requiredFeatures: FEATURES });
});
test.after(() => device.destroy());

async function complaints(code: string): Promise<string[]> {
  const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
  return messages.map((m) => `${m.type} in line ${m.lineNum}: ${m.message}`);
}

const ACCESS = [
  { vecA: true, vecB: true, exact: true },
  { vecA: true, vecB: true, exact: false },
  { vecA: true, vecB: false, exact: false },
  { vecA: false, vecB: true, exact: false },
  { vecA: false, vecB: false, exact: false },
];

/** Each tile as it is, and swizzled. */
const VARIANTS = TILES.flatMap((tile): Tile[] => [tile, { ...tile, rowsOfA: 'swizzled' }]);

for (const tile of VARIANTS) {
  test(`compiles ${tileName(tile)} in every dtype and alignment`, async () => {
    for (const dtype of ['float32', 'int32', 'float16'] as GemmDType[]) {
      for (const access of ACCESS) assert.equal(await complaints(gemmShader({ tile, dtype, ...access })), []);
    }
  });
}

test('the compiler complains about a wrong text', async () => {
  device.pushErrorScope('validation');
  assert.is.not((await complaints('fn f() -> f32 { return 1i; }')).length, 0);
  await device.popErrorScope();
});

const config = (M: number, N: number, K: number, resultComponentType = 'f32'): MatrixConfig => ({
  M,
  N,
  K,
  componentType: 'f16',
  resultComponentType,
});
const info = (...subgroupMatrixConfigs: MatrixConfig[]) => ({
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  subgroupMatrixConfigs,
});

for (const one of [config(16, 16, 16), config(16, 8, 16), config(16, 8, 8), config(8, 8, 8)]) {
  test(`compiles the tensor-core text for ${one.M}×${one.N}×${one.K}`, async () => {
    const tile = matrixTile(info(one))!;
    assert.equal(await complaints(matrixShader(tile)), []);
    assert.ok(matrixSharedBytes(tile) <= 48 * 1024);
  });
}

test('all tensor-core tiles compile, fit 48 KiB, and have names of their own', async () => {
  for (const one of [config(16, 16, 16), config(16, 8, 16), config(8, 8, 8)]) {
    const tiles = matrixTiles(info(one));
    assert.is(tiles.length, 3);
    for (const tile of tiles) {
      assert.equal(await complaints(matrixShader(tile)), [], matrixTileName(tile));
      assert.ok(matrixSharedBytes(tile) <= 48 * 1024, matrixTileName(tile));
    }
    assert.is(new Set(tiles.map(matrixTileName)).size, 3);
  }
  assert.equal(matrixTiles({}), []);
});

test('tiles that overlap loads with multiplications compile for halves and for floats, and have names of their own', async () => {
  for (const one of [config(16, 16, 16), config(16, 8, 16), config(8, 8, 8)]) {
    const tiles = pipelinedMatrixTiles(info(one));
    assert.is(tiles.length, 5);
    for (const tile of tiles) {
      assert.equal(await complaints(matrixShader(tile)), [], matrixTileName(tile));
      assert.equal(await complaints(matrixShader(tile, 'float32')), [], matrixTileName(tile));
      assert.ok(matrixSharedBytes(tile) <= 48 * 1024, `${matrixTileName(tile)}: ${matrixSharedBytes(tile)}`);
    }
    assert.is(new Set([...matrixTiles(info(one)), ...tiles].map(matrixTileName)).size, 8);
  }
  assert.equal(pipelinedMatrixTiles({}), []);
});

test('shared steps, and halves whose sums are kept, compile in every tile', async () => {
  for (const tile of TILES) {
    for (const access of ACCESS) {
      assert.equal(
        await complaints(gemmShader({ tile, dtype: 'float32', ...access, sharesSteps: true })),
        [],
        tileName(tile),
      );
    }
    const halves = { tile, dtype: 'float16', result: 'float32', vecA: true, vecB: true } as const;
    for (const exact of [true, false]) assert.equal(await complaints(gemmShader({ ...halves, exact })), []);
  }
});

test('all texts compile with their sizes among the immediates', async () => {
  for (const tile of TILES) {
    for (const access of ACCESS) {
      const spec = { tile, dtype: 'float32', ...access, sizes: 'immediate' } as const;
      assert.equal(await complaints(gemmShader(spec)), [], tileName(tile));
      assert.equal(await complaints(gemmShader({ ...spec, sharesSteps: true })), [], tileName(tile));
      assert.not.ok(gemmShader(spec).includes('var<uniform>'));
    }
  }
  const matrices = info(config(16, 16, 16));
  for (const tile of [...matrixTiles(matrices), ...pipelinedMatrixTiles(matrices)]) {
    for (const result of ['float16', 'float32'] as const) {
      assert.equal(await complaints(matrixShader(tile, result, 'immediate')), [], matrixTileName(tile));
    }
  }
});

test('a guess takes none of the tiles that no card has chosen', () => {
  for (const [m, n] of [
    [4096, 4096],
    [64, 65_536],
    [65_536, 64],
    [300, 300],
    [128, 256],
    [8192, 256],
  ] as const) {
    const tile = guessTile({ m, k: 4096, n, dtype: 'float32' }, limits(49_152));
    assert.is(tile.transposesA, undefined, tileName(tile));
    assert.ok(tile.blockN <= 128, tileName(tile));
  }
});

test('the tensor-core tile takes the largest matrices with float32 sums, or none', () => {
  assert.is(matrixTileName(matrixTile(info(config(8, 8, 8), config(16, 16, 16)))!), 'matrix-128x128x32-16x16x16');
  assert.is(matrixTile(info(config(16, 16, 16, 'f16'))), undefined);
  assert.is(matrixTile({ ...info(config(16, 16, 16)), subgroupMinSize: 16 }), undefined);
  assert.is(matrixTile({}), undefined);
});

const limits = (shared: number, threads = 256) => ({
  maxComputeWorkgroupStorageSize: shared,
  maxComputeInvocationsPerWorkgroup: threads,
  maxComputeWorkgroupSizeX: threads,
});

test('every WebGPU device has a tile, and no tile exceeds its limits', () => {
  assert.ok(tilesFor(limits(16_384, 256)).length > 0);
  for (const tile of tilesFor(limits(32_768))) {
    assert.ok(sharedBytes(tile) <= 32_768);
    assert.ok(threadsOf(tile) <= 256);
  }
});

test('all tiles run with 32 KiB of shared memory: those whose padding exceeds it are swizzled', () => {
  const fitted = tilesFor(limits(32_768));
  assert.is(fitted.length, TILES.length);
  for (const [i, tile] of fitted.entries()) {
    const { rowsOfA, ...sizes } = tile;
    assert.equal({ ...sizes, rowsOfA: 'padded' }, TILES[i]);
    assert.is(rowsOfA === 'swizzled', sharedBytes(TILES[i] as Tile) > 32_768, tileName(tile));
  }
  assert.is(new Set(fitted.map(tileName)).size, TILES.length);
  assert.is(fitted.filter(({ rowsOfA }) => rowsOfA === 'swizzled').length, 2);
  assert.equal(tilesFor(limits(49_152)), TILES);
});

test('guesses large tiles for large products and small ones for small', () => {
  const guess = (size: number) => guessTile({ m: size, k: size, n: size, dtype: 'float32' }, limits(49_152)).blockM;
  assert.equal([guess(4096), guess(512), guess(8)], [128, 64, 32]);
});

test.run();
