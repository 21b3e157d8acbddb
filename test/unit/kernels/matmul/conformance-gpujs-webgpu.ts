// The conformance suite on gpu.js's own kernel, mode webgpu, on software Vulkan.
import { importGpuJs } from '../../../../engines/contexts/gpujs.ts';
import { probeContext } from '../../../../engines/contexts/index.ts';
import { gpuJsProvider } from '../../../../kernels/matmul/gpujs.ts';
import { declareConformance } from '../../../support/conformance.ts';
import { inSoftwareGpu } from '../../../support/software-gpu.ts';
import { suite } from '../../../support/suite.ts';

if (await inSoftwareGpu(import.meta.url, 'conformance gpu.js webgpu')) {
  const test = suite('conformance gpu.js webgpu');
  const context = await (await probeContext('webgpu', { threads: 1, softwareGpu: true })).open();
  const { input } = await importGpuJs();
  const provider = gpuJsProvider({ gpu: await context.gpu(), input }, 'webgpu');
  declareConformance(test, () => provider, provider.dtypes);
  test.after(() => context.close());
  test.run();
}
