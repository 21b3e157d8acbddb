// Values that stay on the device, and tf and gpu in user code, on the wasm context.

import { residencyCases } from '../../support/cases/residency.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('residency/wasm', { device: 'wasm', engines: 2 }, residencyCases);
