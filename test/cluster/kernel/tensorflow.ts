// view.kernel on the tensorflow context.

import { gpuInTaskCases } from '../../support/cases/gpu-in-tasks.ts';
import { kernelCases } from '../../support/cases/kernel.ts';
import { kernelKindCases } from '../../support/cases/kernel-kinds.ts';
import { onContext } from '../../support/on-context.ts';
import { tfTableCases } from '../../support/tf-table.ts';

await onContext('kernel/tensorflow', { device: 'tensorflow', engines: 3 }, (test, rig) => {
  kernelCases(test, rig);
  kernelKindCases(test, rig);
  gpuInTaskCases(test, rig);
  tfTableCases(test, rig);
});
