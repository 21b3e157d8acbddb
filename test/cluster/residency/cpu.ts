// Values that stay on the device, and tf and gpu in user code, on the cpu context.

import { residencyCases } from '../../support/cases/residency.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('residency/cpu', { device: 'cpu', engines: 2 }, residencyCases);
