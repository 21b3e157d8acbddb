// The conformance suite on the webgpu context: our WGSL, on software Vulkan.
import { declareContext } from '../../../support/conformance.ts';
import { inSoftwareGpu } from '../../../support/software-gpu.ts';
import { suite } from '../../../support/suite.ts';

if (await inSoftwareGpu(import.meta.url, 'conformance webgpu')) {
  const test = suite('conformance webgpu');
  await declareContext(test, 'webgpu', { threads: 1, softwareGpu: true });
  test.run();
}
