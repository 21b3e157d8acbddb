// Text of the running task: complete in the reply, live in batches, carriage returns, bounds; and mime bundles.
import * as assert from 'uvu/assert';
import { Capture, overwrite } from '../../../../engines/user-code/capture.ts';
import { mimeBundle } from '../../../../src/protocol/mime-bundle.ts';
import { waitFor } from '../../../support/links.ts';
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
  await waitFor(() => sent.length === 2, 'both texts');
  assert.equal(sent, [
    ['t', 'stdout', 'a'],
    ['t', 'stderr', 'b'],
  ]);
  capture.write('stdout', 'c');
  assert.equal(capture.end(), { stdout: 'ac', stderr: 'b' });
  assert.equal(sent.at(-1), ['t', 'stdout', 'c']);
});

test('the end of long text is kept, and its first line says how much is missing', () => {
  const { sent, capture } = fresh();
  capture.begin('t');
  for (let i = 0; i < 40; i++) capture.write('stdout', 'x'.repeat(100_000));
  capture.write('stdout', 'the result\n');
  const { stdout } = capture.end();
  assert.ok(stdout.length < (1 << 20) + 100);
  const missing = 4_000_011 - (1 << 20) + 1;
  assert.match(stdout, new RegExp(`^… \\(${missing} characters of output before this are missing\\)\nx+the result\n$`));
  assert.is(sent.map(([, , text]) => text).join('').length, 4_000_011, 'the live stream is complete');
});

for (const char of ['\0', '\n', '漢', '👍', '\ud83d']) {
  test(`both streams of any length fit into a header: ${JSON.stringify(char)}`, () => {
    const { sent, capture } = fresh();
    capture.begin('t');
    const text = char.repeat(10 * 2 ** 20);
    capture.write('stdout', text);
    capture.write('stderr', text);
    const streams = capture.end();
    assert.ok(Buffer.byteLength(JSON.stringify(streams)) < 2.1 * 2 ** 20);
    for (const [, , piece] of sent) assert.ok(Buffer.byteLength(JSON.stringify(piece)) < 3.1 * 2 ** 20);
    assert.is(
      sent.reduce((sum, [, , piece]) => sum + piece.length, 0),
      2 * text.length,
    );
  });
}

test('a long line after a carriage return takes linear time', () => {
  const line = 'y'.repeat(2 ** 20);
  assert.is(overwrite(`x\r${line}`), line);
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
