// One value per name, no leaks, and whole libraries, on this context.

import { librariesCases } from '../../support/cases/libraries.ts';
import { oneValueCases } from '../../support/cases/one-value.ts';
import { travelCases } from '../../support/cases/travel.ts';
import { onContext } from '../../support/on-context.ts';

await onContext('one-value/cpu', { device: 'cpu', engines: 2 }, (test, rig) => {
  oneValueCases(test, rig);
  travelCases(test, rig);
  librariesCases(test, rig, { complete: true });
});
