// A long run of mixed operations, on this context.
import { soakCases } from '../../support/cases/soak.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('soak/tensorflow', { device: 'tensorflow', engines: 1 }, soakCases);
