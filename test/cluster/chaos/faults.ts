// The table of faults: each is injected into real processes, and its outcome is the one that was promised.
import { FAULTS } from '../../support/faults/index.ts';
import { suite } from '../../support/suite.ts';
import { testRows } from '../../support/table.ts';

const test = suite('chaos/faults');

testRows(test, FAULTS);

test.run();
