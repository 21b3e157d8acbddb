import { Tensor } from 'directview';
import { startRig } from './support/cluster.ts';

const rig = await startRig(1, { device: 'webgpu', softwareGpu: true });
const { v } = rig;
try {
  const A = new Tensor('float32', [4, 4]);
  await v.push({ A });
  console.log(
    await v
      .apply(async () => {
        const e = (globalThis as never as { engine: { tf(): Promise<unknown> } }).engine;
        return typeof (await e.tf());
      })
      .get(),
  );
  await v.execute('C = await matmul(A, A)');
  console.log(await v.ns.C);
} finally {
  await rig.stop();
}
