// pdot, residency and collectives on engines of the cuda context, with stand-ins for CUDA's libraries: no card is needed.
import * as assert from 'uvu/assert';
import { randomMatrix } from '../../../kernels/matmul/random.ts';
import { pdot } from '../../../src/client/pdot/pdot.ts';
import { ref } from '../../../src/protocol/values/ref.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';
import { pdotCases } from '../../support/cases/pdot.ts';
import { residencyCases } from '../../support/cases/residency.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { buildStub, type CudaStub, stubMissing } from '../../support/cuda-stub/build.ts';
import { suite } from '../../support/suite.ts';

const test = suite('pdot/cuda');
const missing = stubMissing();

/** The globals of engines that the task below uses. */
interface Globals {
  readonly C: { readonly device: string };
  readonly engine: { allGather(value: unknown): Promise<readonly Tensor[]> };
}

if (missing !== undefined) test.skip('all', missing);
else {
  let stub: CudaStub;
  let rig: Rig;
  test.before(async () => {
    stub = await buildStub();
    process.env['DIRECTVIEW_CUDA_PATH'] = stub.folder;
    rig = await startRig(2, { device: 'cuda' });
  });
  test.after(async () => {
    await rig.stop();
    stub.remove();
    delete process.env['DIRECTVIEW_CUDA_PATH'];
  });

  test('engines report the card', () => {
    const reports = rig.rc.engines.map(({ device }) => `${device.kind} ${device.matmul} ${device.adapter}`);
    assert.equal(reports, ['cuda cublas Stub card 0', 'cuda cublas Stub card 0']);
  });

  test('results on the card travel between engines', async () => {
    await rig.v.push({ B: randomMatrix('float32', [8, 8], 2) });
    await rig.v.scatter('A', randomMatrix('float32', [8, 8], 1));
    await pdot(rig.v, ref('A'), ref('B'), { into: 'C' });
    const gathered = await rig.v.apply(async () => {
      const { C, engine } = globalThis as unknown as Globals;
      const parts = await engine.allGather(C);
      return [C.device, parts.map((part) => part.shape.join('×')).join()];
    });
    assert.equal(
      [...gathered],
      [
        ['cuda', '4×8,4×8'],
        ['cuda', '4×8,4×8'],
      ],
    );
    await rig.v.clear();
  });

  residencyCases(test, () => rig);
  pdotCases(test, () => rig);
}

test.run();
