// Where CUDA's libraries are looked for.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { type FoundCuda, findCuda, majorOf } from '../../../../../engines/contexts/cuda/driver/find-libraries.ts';
import { packageFolder } from '../../../../../engines/contexts/packages.ts';
import { suite } from '../../../../support/suite.ts';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';

const test = suite('CUDA libraries');
const root = temporaryFolder('dv-cuda-files-');
test.after(() => rmSync(root, { recursive: true }));

let made = 0;

function withFiles(...files: string[]): string {
  const top = join(root, String(made++));
  mkdirSync(top);
  for (const file of files) {
    mkdirSync(join(top, dirname(file)), { recursive: true });
    writeFileSync(join(top, file), '');
  }
  return top;
}

const isHere = process.platform === 'linux' && packageFolder('koffi') !== undefined;
if (!isHere) test.skip('all', 'koffi is not installed, or this is not Linux');
else {
  test('the driver, a toolkit, and the packages of Python, newest first', () => {
    const top = withFiles(
      'usr/lib/x86_64-linux-gnu/libcuda.so.1',
      'usr/local/cuda/lib64/libcublas.so.12',
      'usr/local/cuda/lib64/libnvrtc.so.12',
      'venv/bin/python3',
      'venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcublas.so.13',
      'venv/lib/python3.12/site-packages/nvidia/cu13/lib/libnvrtc.so.13',
      'venv/lib/python3.12/site-packages/nvidia/cu13/lib/libcublasLt.so.13',
    );
    const packages = join(top, 'venv/lib/python3.12/site-packages/nvidia/cu13/lib');
    assert.equal(findCuda({ PATH: join(top, 'venv/bin') }, top), {
      driver: join(top, 'usr/lib/x86_64-linux-gnu/libcuda.so.1'),
      cublas: [join(packages, 'libcublas.so.13'), join(top, 'usr/local/cuda/lib64/libcublas.so.12')],
      nvrtc: [join(packages, 'libnvrtc.so.13'), join(top, 'usr/local/cuda/lib64/libnvrtc.so.12')],
    });
  });

  test('a driver in a folder of containers, and libraries in folders that DIRECTVIEW_CUDA_PATH names', () => {
    const top = withFiles('usr/local/nvidia/lib64/libcuda.so.1', 'a/libcublas.so.11', 'b/libnvrtc.so.11.2');
    const found = findCuda({ DIRECTVIEW_CUDA_PATH: `${join(top, 'a')}:${join(top, 'b')}` }, top);
    assert.equal(found, {
      driver: join(top, 'usr/local/nvidia/lib64/libcuda.so.1'),
      cublas: [join(top, 'a/libcublas.so.11')],
      nvrtc: [join(top, 'b/libnvrtc.so.11.2')],
    });
  });

  test('a driver by its version alone, where no link was made; a link comes first', () => {
    const others = ['usr/local/cuda/lib64/libcublas.so.12', 'usr/local/cuda/lib64/libnvrtc.so.12'];
    for (const folder of ['usr/lib64', 'usr/local/nvidia/lib', 'home/kubernetes/bin/nvidia/lib64']) {
      const top = withFiles(`${folder}/libcuda.so.580.95.05`, `${folder}/libcuda.so`, ...others);
      assert.is((findCuda({}, top) as { driver: string }).driver, join(top, `${folder}/libcuda.so.580.95.05`));
    }
    const top = withFiles('usr/lib64/libcuda.so.580.95.05', 'usr/local/nvidia/lib64/libcuda.so.1', ...others);
    assert.is((findCuda({}, top) as { driver: string }).driver, join(top, 'usr/local/nvidia/lib64/libcuda.so.1'));
  });

  test("libraries of a Python that PATH does not name: a container's, 64-bit folders, PyTorch's and conda's own", () => {
    for (const folder of [
      'opt/conda/lib/python3.12/site-packages/nvidia/cublas/lib',
      'opt/venv/lib64/python3.11/site-packages/nvidia/cu13/lib',
      'venv/lib/python3.10/site-packages/torch/lib',
      'opt/conda/lib',
    ]) {
      const top = withFiles('usr/lib64/libcuda.so.1', `${folder}/libcublas.so.12`, `${folder}/libnvrtc.so.12`);
      const found = findCuda({}, top) as Exclude<FoundCuda, { missing: string }>;
      assert.equal(
        [found.cublas, found.nvrtc],
        [[join(top, folder, 'libcublas.so.12')], [join(top, folder, 'libnvrtc.so.12')]],
      );
    }
    const folder = 'my/lib/python3.12/site-packages/nvidia/cublas/lib';
    const top = withFiles('usr/lib64/libcuda.so.1', `${folder}/libcublas.so.12`, `${folder}/libnvrtc.so.12`);
    const found = findCuda({ DIRECTVIEW_PYTHON: join(top, 'my/bin/python3') }, top) as Exclude<
      FoundCuda,
      { missing: string }
    >;
    assert.equal(found.cublas, [join(top, folder, 'libcublas.so.12')]);
  });

  test('what is missing is named', () => {
    assert.equal(findCuda({ DIRECTVIEW_CUDA_PATH: 'off' }), { missing: 'DIRECTVIEW_CUDA_PATH is off' });
    const missing = (...files: string[]) => (findCuda({}, withFiles(...files)) as { missing: string }).missing;
    assert.match(missing(), /no libcuda\.so\.1/);
    assert.match(missing('usr/lib64/libcuda.so.1'), /no libcublas\.so and no libnvrtc\.so: .*DIRECTVIEW_CUDA_PATH/);
    assert.match(missing('usr/lib64/libcuda.so.1', 'usr/lib64/libcublas.so.12'), /^there is no libnvrtc\.so:/);
  });
}

test('the version of a library', () => {
  assert.equal(['/a/libcublas.so.13', '/a/libnvrtc.so.11.2', '/a/libx.so'].map(majorOf), [13, 11, 0]);
});

test.run();
