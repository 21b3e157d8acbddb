// OpenBLAS by koffi: where it is looked for, what a wrong library says, its products, and how it is chosen.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { HostMatmul, type HostMatmulOptions } from '../../../../engines/contexts/host/host-matmul.ts';
import { findOpenblas, openOpenblas } from '../../../../engines/contexts/host/openblas-library.ts';
import { packageFolder } from '../../../../engines/contexts/packages.ts';
import type { MatmulProvider } from '../../../../kernels/matmul/product.ts';
import { checkProduct } from '../../../../kernels/matmul/product-check.ts';
import { randomMatrix } from '../../../../kernels/matmul/random.ts';
import { referenceProvider } from '../../../../kernels/matmul/reference.ts';
import { transposed } from '../../../../kernels/matmul/transpose.ts';
import { ContextError } from '../../../../src/errors.ts';
import { Tensor } from '../../../../src/tensor/tensor.ts';
import { rejects } from '../../../support/assert.ts';
import { suite } from '../../../support/suite.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const test = suite('openblas');
const folder = temporaryFolder('openblas-');
const found = findOpenblas();
const hasKoffi = packageFolder('koffi') !== undefined;
const other = packageFolder('onnxruntime-node') === undefined ? 'blocked' : 'onnx';

/** Products by a library of this file, with the lines that it warned. */
function products(openblas: HostMatmulOptions['openblas'], cache: string) {
  const warned: string[] = [];
  const host = new HostMatmul({ threads: 1, openblas, cache: join(folder, cache), warn: (line) => warned.push(line) });
  return { host, warned };
}

async function assertRight(provider: MatmulProvider, dtype: 'float32' | 'float64'): Promise<void> {
  const [a, b] = [randomMatrix(dtype, [17, 33], 1), randomMatrix(dtype, [33, 9], 2)];
  assert.ok(checkProduct(await provider.multiply(a, b), a, b).ok);
}

test('without OpenBLAS another library multiplies, and the report says why', async () => {
  const { host, warned } = products({ missing: 'it was eaten' }, 'none.json');
  assert.is(host.nameOf('float32'), other);
  assert.equal(host.report.without, { openblas: 'it was eaten' });
  await assertRight(host, 'float64');
  assert.equal(warned, []);
});

if (!hasKoffi) test.skip('libraries that are found', 'koffi is not installed');
else {
  test('the file that DIRECTVIEW_OPENBLAS names, and no other', () => {
    const named = join(folder, 'mine.so');
    assert.equal(findOpenblas({ DIRECTVIEW_OPENBLAS: 'off' }), { missing: 'DIRECTVIEW_OPENBLAS is off' });
    assert.equal(findOpenblas({ DIRECTVIEW_OPENBLAS: named }), {
      missing: `DIRECTVIEW_OPENBLAS: there is no ${named}`,
    });
    writeFileSync(named, '');
    assert.equal(findOpenblas({ DIRECTVIEW_OPENBLAS: named }), { path: named });
  });

  test('a folder of LD_LIBRARY_PATH comes before those of the system', () => {
    const own = join(folder, 'own');
    mkdirSync(own);
    writeFileSync(join(own, 'libopenblas.so.0'), '');
    assert.equal(findOpenblas({ LD_LIBRARY_PATH: `${folder}:${own}` }), { path: join(own, 'libopenblas.so.0') });
  });

  const libraries: Record<string, [path: () => string, reason: RegExp]> = {
    'no library': [() => join(folder, 'mine.so'), /does not load/],
    'a library without BLAS': [() => systemLibrary(), /is not OpenBLAS: it has no openblas_get_config/],
  };
  for (const [name, [path, reason]] of Object.entries(libraries)) {
    test(`${name} is left out by name and reason, and later engines know it`, async () => {
      await rejects(() => openOpenblas(path(), 1), ContextError, reason);
      const cache = `${name}.json`;
      const { host, warned } = products({ path: path() }, cache);
      assert.is(host.nameOf('float64'), 'openblas');
      await assertRight(host, 'float64');
      assert.is(warned.length, 1);
      assert.match(warned[0] as string, reason);
      assert.match(warned[0] as string, new RegExp(`^openblas does not multiply: .*; ${other} multiplies float64$`));
      await assertRight(host, 'float32');
      assert.is(warned.length, 1, 'it is told once');
      const kept = JSON.parse(readFileSync(join(folder, cache), 'utf8')) as Record<string, string>;
      assert.equal([...new Set(Object.values(kept))], [other]);
    });
  }
}

/** A shared library that this process has loaded, but not OpenBLAS. */
function systemLibrary(): string {
  const { sharedObjects } = process.report.getReport() as { sharedObjects: string[] };
  return sharedObjects.find((path) => /libm[.-]/.test(path)) ?? (sharedObjects.at(-1) as string);
}

if ('missing' in found) test.skip('products', found.missing);
else {
  const open = () => openOpenblas(found.path, 2);

  test('transposed operands are read where they lie', async () => {
    const provider = await open();
    for (const dtype of ['float32', 'float64'] as const) {
      const [a, b] = [randomMatrix(dtype, [37, 23], 1), randomMatrix(dtype, [23, 41], 2)];
      const want = await referenceProvider.multiply(a, b);
      for (const [transposeA, transposeB] of [
        [true, false],
        [false, true],
        [true, true],
      ] as const) {
        const [x, y] = [transposeA ? transposed(a) : a, transposeB ? transposed(b) : b];
        const c = await provider.multiply(x, y, { transposeA, transposeB });
        assert.equal([...c.shape], [37, 41]);
        assert.ok(c.allClose(want, { rtol: 1e-4, atol: 1e-5 }), `${dtype} ${transposeA} ${transposeB}`);
      }
    }
  });

  test('NaN and Infinity multiply as in IEEE, also with 0, in vectors too', async () => {
    const provider = await open();
    for (const [m, n] of [
      [1, 1],
      [1, 40],
      [40, 1],
      [40, 40],
    ] as const) {
      const a = new Tensor('float32', [m, 2], new Float32Array(2 * m).fill(0));
      const b = new Tensor('float32', [2, n], new Float32Array(2 * n).fill(Number.NaN));
      const c = await provider.multiply(a, b);
      assert.ok([...c.data].every(Number.isNaN), `0 · NaN in [${m},2]·[2,${n}]`);
      a.data.fill(1);
      b.data.fill(Number.POSITIVE_INFINITY);
      const sums = await provider.multiply(a, b);
      assert.ok([...sums.data].every((value) => value === Number.POSITIVE_INFINITY));
    }
  });

  test('operands in shared memory, at odd places and aliased', async () => {
    const provider = await open();
    const values = randomMatrix('float32', [8, 8], 3);
    const shared = new Float32Array(new SharedArrayBuffer(4 * 64));
    shared.set(values.data);
    const within = new Float32Array(new ArrayBuffer(4 * 64 + 20), 20, 64);
    within.set(values.data);
    const want = await referenceProvider.multiply(values, values);
    for (const data of [shared, within]) {
      const one = new Tensor('float32', [8, 8], data as Float32Array<ArrayBuffer>);
      assert.ok((await provider.multiply(one, one)).allClose(want, { atol: 1e-5 }));
    }
  });

  test('processes may be started between products: the threads come back', async () => {
    const provider = await open();
    const [a, b] = [randomMatrix('float32', [256, 256], 1), randomMatrix('float32', [256, 256], 2)];
    for (let i = 0; i < 5; i++) {
      const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      assert.ok(checkProduct(await provider.multiply(a, b), a, b).ok);
      await turn();
      assert.ok(checkProduct(await provider.multiply(a, b), a, b).ok);
      await ended;
    }
  });

  test('integers go to a library that has them', async () => {
    const { host } = products(found, 'ints.json');
    assert.is(host.nameOf('int32'), other);
    const one = new Tensor('int32', [1, 1], new Int32Array([2 ** 30]));
    assert.equal([...(await host.multiply(one, one)).data], [0]);
    assert.equal(host.report, {
      matmul: 'openblas',
      matmulBy: { int32: other, uint32: other },
      without: undefined,
    });
  });

  if (other === 'blocked') test.skip('choice by measurement', 'onnxruntime-node is not installed');
  else {
    test('the first large product measures, later engines take the winner, and this one keeps to its report', async () => {
      const { host } = products(found, 'measured.json');
      const path = join(folder, 'measured.json');
      const [a, b] = [randomMatrix('float32', [512, 512], 1), randomMatrix('float32', [512, 512], 2)];
      await host.multiply(a, b);
      const kept = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
      const [[key, winner] = []] = Object.entries(kept);
      assert.is(Object.keys(kept).length, 1);
      assert.match(key as string, /openblas .*onnxruntime-node .*: float32/);
      assert.ok(['openblas', 'onnx'].includes(winner as string));
      assert.is(host.nameOf('float32'), 'openblas');
      writeFileSync(join(folder, 'other.json'), JSON.stringify({ [key as string]: 'onnx' }));
      const { host: later } = products(found, 'other.json');
      assert.is(later.nameOf('float32'), 'onnx');
      assert.is(later.nameOf('float16'), 'onnx');
      assert.is(later.nameOf('float64'), 'openblas');
      assert.ok(checkProduct(await later.multiply(a, b), a, b).ok);
    });
  }
}

test.after(() => rmSync(folder, { recursive: true }));
test.run();
