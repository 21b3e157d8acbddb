// pdot on the wasm context.

import { pdotCases } from '../../support/cases/pdot.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('pdot/wasm', { device: 'wasm', engines: 3 }, pdotCases);
