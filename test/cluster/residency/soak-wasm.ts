// A long run of mixed operations, on this context.
import { soakCases } from '../../support/cases/soak.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('soak/wasm', { device: 'wasm', engines: 1 }, soakCases);
