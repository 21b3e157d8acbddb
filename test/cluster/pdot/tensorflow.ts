// pdot on the tensorflow context.

import { pdotCases } from '../../support/cases/pdot.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('pdot/tensorflow', { device: 'tensorflow', engines: 3 }, pdotCases);
