// The rest of a time limit, whatever happens to the wall clock.
import * as assert from 'uvu/assert';
import { deadline } from '../../../../src/client/pdot/deadline.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('pdot/deadline');

for (const hours of [-1, 1]) {
  test(`a wall clock that is set by ${hours} h neither ends nor lengthens it`, () => {
    const limits = deadline({ timeout: 60_000 });
    const { now } = Date;
    Date.now = () => now() + hours * 3_600_000;
    try {
      const rest = limits.timeout as number;
      assert.ok(rest > 0 && rest <= 60_000, `${rest} ms are left`);
    } finally {
      Date.now = now;
    }
  });
}

test.run();
