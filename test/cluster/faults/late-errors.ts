// Errors that a task leaves behind, after its end: one line each on the client's stderr, and the engine lives on.
import * as assert from 'uvu/assert';
import { type Rig, startRig, until } from '../../support/cluster.ts';
import { suite } from '../../support/suite.ts';

const test = suite('late errors');
let rig: Rig;
let said = '';
const { write } = process.stderr;
test.before(async () => {
  process.stderr.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
    said += String(chunk);
    return write.call(process.stderr, chunk, ...rest);
  }) as typeof write;
  rig = await startRig(2);
});
test.after(async () => {
  process.stderr.write = write;
  await rig.stop();
});

const LATE: [string, (text: string) => unknown, string][] = [
  [
    'a throw in a timer',
    (text) => {
      setTimeout(() => {
        throw new Error(text);
      }, 100);
    },
    'an exception outside any task: Error',
  ],
  [
    'a rejection that nobody handles',
    (text) => {
      setTimeout(() => void Promise.reject(new RangeError(text)), 100);
    },
    'a rejection that nobody handles: RangeError',
  ],
];

for (const [what, leave, line] of LATE) {
  test(`${what} is a line with the engine's id`, async () => {
    const text = `left behind by ${what}`;
    assert.is(await rig.rc.view(1).apply(leave, text), undefined);
    await until(`the line of ${what}`, () => said.includes(`[engine 1] ${line}: ${text}`));
    assert.is(await rig.rc.view(1).apply(() => 42), 42);
    assert.not.ok(said.includes('[engine 0]'));
  });
}

test.run();
