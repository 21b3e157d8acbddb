// The table of hostile inputs: each is sent to real clusters, on Unix sockets and on tcp with keys, and has the outcome
// that was promised.
import * as assert from 'uvu/assert';
import { HOSTILE } from '../../support/hostile/index.ts';
import { stopTargets } from '../../support/hostile/target.ts';
import { suite } from '../../support/suite.ts';
import { testRows } from '../../support/table.ts';

const test = suite('hostile/inputs');
test.after(stopTargets);

test('each of the 30 has its row', () => {
  assert.equal(
    HOSTILE.map(({ number }) => number),
    Array.from({ length: 30 }, (_, n) => n + 1),
  );
});

testRows(test, HOSTILE);

test.run();
