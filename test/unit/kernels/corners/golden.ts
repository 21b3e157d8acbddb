// Every picture against scikit-image, on every backend that opens here. The webgpu context runs the same check.

import { assertGolden } from '../../../support/golden-check.ts';
import { goldens } from '../../../support/golden-corners.ts';
import { suite } from '../../../support/suite.ts';
import { byOps, onBackend, openBackends } from '../../../support/tfjs.ts';

const test = suite('corners against scikit-image');

for (const { name, reason } of await openBackends()) {
  for (const wanted of goldens) {
    const title = `${wanted.name} on ${name}`;
    if (reason !== undefined) test.skip(title, reason);
    else {
      test(title, () => onBackend(name, (tf) => assertGolden(tf, wanted)));
      test(`${title} by tf ops`, () => onBackend(name, (tf) => assertGolden(byOps(tf), wanted)));
    }
  }
}

test.run();
