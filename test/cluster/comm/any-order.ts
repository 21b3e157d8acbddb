// Values of all kinds and sizes by all ways, in any order, changed by those who have them: nobody sees what is not theirs.

import { Scene } from '../../support/any-order/scene.ts';
import { startRig } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('cluster/comm/any-order');
const SEED = Number(process.env['ORDER_SEED'] ?? 1);
const CALLS = Number(process.env['ORDER_CALLS'] ?? 200);

for (const transport of ['unix', 'zeromq'] as const) {
  test(`${CALLS} calls over ${transport} leave on each engine what a plain program has (seed ${SEED})`, async () => {
    const rig = await startRig(3, { device: 'none', transport });
    try {
      await new Scene(rig.rc, SEED).run(CALLS);
    } finally {
      await rig.stop();
    }
  });
}

test.run();
