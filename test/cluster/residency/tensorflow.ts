// Values that stay on the device, and tf and gpu in user code, on the tensorflow context.

import { residencyCases } from '../../support/cases/residency.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('residency/tensorflow', { device: 'tensorflow', engines: 2 }, residencyCases);
