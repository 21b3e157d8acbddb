// The table of faults: each is injected into real processes, and its outcome is the one that was promised.
import { FAULTS } from '../../support/faults/index.ts';
import { suite } from '../../support/suite.ts';

const test = suite('chaos/faults');

for (const { number, fault, expected, skip, run } of FAULTS) {
  const name = `${number}. ${fault}: ${expected}`;
  if (skip !== undefined) test.skip(name, skip);
  else
    test(name, async () => {
      const since = performance.now();
      await run();
      if (process.env['TEST_TIMES']) console.log(`${Math.round(performance.now() - since)} ms: ${name}`);
    });
}

test.run();
