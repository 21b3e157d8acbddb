// One value per name and no leaks, on this context.

import { oneValueCases } from '../../support/cases/one-value.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('one-value/wasm', { device: 'wasm', engines: 2 }, oneValueCases);
