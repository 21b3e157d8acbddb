// A long run of mixed operations, on this context.
import { soakCases } from '../../support/cases/soak.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('soak/webgpu', { device: 'webgpu', engines: 1, softwareGpu: true }, soakCases);
