// Errors that a task leaves behind, after its end: one line each on the client's stderr, and the engine lives on.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

const INDEX = new URL('../../../src/index.js', import.meta.url).href;
const OTHER = `const { Client } = await import(process.argv[1]);
const rc = await Client.connect(process.argv[2]);
console.log('connected');`;

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

test('clients and the cluster are told by an event; a client of another process prints the line', async () => {
  const events: unknown[] = [];
  const off = rig.rc.onEvent((event) => event.type === 'engine-error' && events.push([event.id, event.text]));
  const other = spawn(process.execPath, ['--input-type=module', '-e', OTHER, INDEX, rig.cluster.file]);
  let printed = '';
  for (const stream of [other.stdout, other.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      printed += text;
    });
  await until('the other client', () => printed.includes('connected'));
  const [[, leave]] = LATE as [(typeof LATE)[0]];
  await rig.rc.view(1).apply(leave, 'told to all');
  const line = 'an exception outside any task: Error: told to all';
  await until('the event', () => events.length > 0);
  assert.equal(
    events.map((event) => String(event).split('\n')[0]),
    [`1,${line}`],
  );
  await until('the line of the other client', () => printed.includes(`[engine 1] ${line}`));
  assert.is(said.split(`[engine 1] ${line}`).length, 2, 'this process prints it once');
  off();
  other.kill();
  await once(other, 'exit');
});

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
