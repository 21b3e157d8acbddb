// Values that stay on the device, and tf and gpu in user code, on the webgpu context.

import { residencyCases } from '../../support/cases/residency.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('residency/webgpu', { device: 'webgpu', engines: 2, softwareGpu: true }, residencyCases);
