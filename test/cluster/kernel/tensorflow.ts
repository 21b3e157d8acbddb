// view.kernel on the tensorflow context.

import { kernelCases } from '../../support/cases/kernel.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('kernel/tensorflow', { device: 'tensorflow', engines: 3 }, kernelCases);
