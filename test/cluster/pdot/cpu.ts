// pdot on the cpu context.

import { pdotCases } from '../../support/cases/pdot.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('pdot/cpu', { device: 'cpu', engines: 3 }, pdotCases);
