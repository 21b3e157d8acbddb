// The faults of the client's network and of its engines, on Unix sockets, the default on one host.
import { FAULTS } from '../../support/faults/index.ts';
import { onUnix } from '../../support/faults/scene.ts';
import { suite } from '../../support/suite.ts';
import { testRows } from '../../support/table.ts';

const test = suite('chaos/faults-unix');
/** Rows whose fault is made in the stream: large data pass through it, too. */
const IN_STREAM = [14, 19, 20];
const SHARED = [2, 3, 4, 10, 11, 13, 21, 22, 24];

testRows(
  test,
  FAULTS.filter(({ number }) => [...IN_STREAM, ...SHARED].includes(number)).map((row) => ({
    ...row,
    run: () => onUnix(row.run, { inStream: IN_STREAM.includes(row.number) }),
  })),
);

test.run();
