// The semantics page's cases, by number, against real engine processes on the `cpu` context.
import { balancedCases, balancedFaultCases } from '../../support/cases/balanced.ts';
import { directCases } from '../../support/cases/direct.ts';
import { membershipCases } from '../../support/cases/faults.ts';
import { jobCases } from '../../support/cases/jobs.ts';
import { outputCases } from '../../support/cases/output.ts';
import { resultCases } from '../../support/cases/results.ts';
import { type Rig, startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cases/cpu');
let rig: Rig;
test.before(async () => {
  rig = await startRig(4, { device: 'cpu' });
});
test.after(() => rig.stop());
resultCases(test, () => rig);
directCases(test, () => rig);
balancedCases(test, () => rig);
balancedFaultCases(test, 'cpu');
jobCases(test, () => rig);
membershipCases(test, 'cpu');
outputCases(test, () => rig);
test.run();
