// A part of a check-up for its tests: it sends its arguments as a row, and ends or waits as the first one says.
import { sendRow } from '../../bench/support/rows.ts';

const [how = 'end', verified = 'right'] = process.argv.slice(2);
sendRow({ what: 'row', verified: verified === 'right' ? true : verified });
console.log(`part says ${how}`);
if (how === 'fail') process.exitCode = 1;
if (how === 'wait') setInterval(() => undefined, 1000);
