// view.kernel on the wasm context.

import { kernelCases } from '../../support/cases/kernel.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('kernel/wasm', { device: 'wasm', engines: 3 }, kernelCases);
