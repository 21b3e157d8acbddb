// view.kernel on the webgpu context.

import { kernelCases } from '../../support/cases/kernel.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('kernel/webgpu', { device: 'webgpu', engines: 2, softwareGpu: true }, kernelCases);
