// One value per name and no leaks, on this context.

import { oneValueCases } from '../../support/cases/one-value.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('one-value/tensorflow', { device: 'tensorflow', engines: 2 }, oneValueCases);
