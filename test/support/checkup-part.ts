// A part of a check-up for its tests: it sends its arguments as a row, and ends or waits as the first one says.
import { spawn } from 'node:child_process';
import { sendRow } from '../../bench/support/rows.ts';

const [how = 'end', verified = 'right'] = process.argv.slice(2);
// As an engine: a process with a group of its own, which does not end with this one.
const engine = how === 'engine' ? spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }) : undefined;
engine?.unref();
sendRow({
  what: 'row',
  ...(engine === undefined ? {} : { engine: engine.pid }),
  verified: verified === 'right' ? true : verified,
});
console.log(`part says ${how}`);
if (how === 'fail') process.exitCode = 1;
if (how === 'wait') setInterval(() => undefined, 1000);
