// One value per name, no leaks, and whole libraries, on this context.

import { librariesCases } from '../../support/cases/libraries.ts';
import { oneValueCases } from '../../support/cases/one-value.ts';
import { travelCases } from '../../support/cases/travel.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('one-value/webgpu', { device: 'webgpu', engines: 2, softwareGpu: true }, (test, rig) => {
  oneValueCases(test, rig);
  travelCases(test, rig);
  librariesCases(test, rig, { complete: false });
});
