// Text of the running task: complete in the reply, live in batches, carriage returns, bounds; and mime bundles.
import * as assert from 'uvu/assert';
import { Capture, overwrite } from '../../../../engines/user-code/capture.ts';
import { mimeBundle } from '../../../../engines/user-code/display.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('capture');
const fresh = () => {
  const sent: [string, string, string][] = [];
  return { sent, capture: new Capture((id, stream, text) => sent.push([id, stream, text])) };
};

test('a tight loop of lines goes out as one message, and whole in the reply', () => {
  const { sent, capture } = fresh();
  capture.begin('t');
  for (let i = 0; i < 100; i++) capture.write('stdout', `${i}\n`);
  const { stdout, stderr } = capture.end();
  assert.is(stdout.split('\n').length, 101);
  assert.is(stderr, '');
  assert.ok(sent.length < 5, `${sent.length} messages`);
  assert.is(sent.map(([, , text]) => text).join(''), stdout);
});

test('text goes out while the task awaits, on its own stream', async () => {
  const { sent, capture } = fresh();
  capture.begin('t');
  capture.write('stdout', 'a');
  capture.write('stderr', 'b');
  await new Promise((resolve) => setTimeout(resolve, 120));
  assert.equal(sent, [
    ['t', 'stdout', 'a'],
    ['t', 'stderr', 'b'],
  ]);
  capture.write('stdout', 'c');
  assert.equal(capture.end(), { stdout: 'ac', stderr: 'b' });
  assert.equal(sent.at(-1), ['t', 'stdout', 'c']);
});

test('text is bounded and says so', () => {
  const { capture } = fresh();
  capture.begin('t');
  for (let i = 0; i < 40; i++) capture.write('stdout', 'x'.repeat(100_000));
  const { stdout } = capture.end();
  assert.ok(stdout.length < (1 << 20) + 100);
  assert.match(stdout, /is dropped\n$/);
});

test('text of no task is not anybody’s', () => {
  const { sent, capture } = fresh();
  capture.write('stdout', 'lost');
  assert.equal(capture.end(), { stdout: '', stderr: '' });
  assert.equal(sent, []);
});

for (const [raw, shown] of [
  ['x\ry\n', 'y\n'],
  ['a\nb\rc\rd', 'a\nd'],
  ['dos\r\nline\r\n', 'dos\nline\n'],
  ['plain\n', 'plain\n'],
] as const) {
  test(`${JSON.stringify(raw)} shows as ${JSON.stringify(shown)}`, () => assert.is(overwrite(raw), shown));
}

test('mime bundles: the value’s own, pictures, pages, else plain text', () => {
  const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13]);
  assert.equal(mimeBundle(png), { 'image/png': png });
  assert.equal(Object.keys(mimeBundle('<svg xmlns="x"></svg>')), ['image/svg+xml']);
  assert.equal(Object.keys(mimeBundle('<table><tr></tr></table>')), ['text/html']);
  assert.equal(mimeBundle('a < b'), { 'text/plain': "'a < b'" });
  assert.equal(mimeBundle({ [Symbol.for('Jupyter.display')]: () => ({ 'text/html': 'x' }) }), { 'text/html': 'x' });
  assert.equal(mimeBundle([1, 2]), { 'text/plain': '[ 1, 2 ]' });
});

test.run();
