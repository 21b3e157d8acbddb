// pdot, residency and collectives on engines of the cuda context, with stand-ins for CUDA's libraries: no card is needed.
import * as assert from 'uvu/assert';
import { sampledDifference } from '../../../kernels/matmul/product-check.ts';
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

  test('operands of a product come in where the card fetches them: only its result is copied on the host', async () => {
    const [a, b] = [randomMatrix('float32', [512, 1024], 1), randomMatrix('float32', [1024, 256], 2)];
    // Opens the card: what comes before it lies in ordinary memory.
    await pdot(rig.v, a, b);
    const movedBy = async () => [await rig.v.memory()].flat().map(({ moved }) => moved);
    for (const plan of ['rows', 'ring'] as const) {
      const before = await movedBy();
      const c = await pdot(rig.v, a, b, { plan });
      const after = await movedBy();
      assert.is(sampledDifference(c as Tensor, a, b, 3), undefined, plan);
      after.forEach((moved, i) => {
        const [now, then] = [moved as NonNullable<typeof moved>, before[i] as NonNullable<typeof moved>];
        assert.is(now.uploaded - then.uploaded, 2 * 2 ** 20, plan);
        assert.is(now.copied - then.copied, 256 * 256 * 4, plan);
      });
    }
    await rig.v.clear();
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
