// view.kernel on the cpu context.

import { kernelCases } from '../../support/cases/kernel.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('kernel/cpu', { device: 'cpu', engines: 3 }, kernelCases);
