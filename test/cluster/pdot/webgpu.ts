// pdot on the webgpu context.

import { pdotCases } from '../../support/cases/pdot.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('pdot/webgpu', { device: 'webgpu', engines: 2, softwareGpu: true }, pdotCases);
