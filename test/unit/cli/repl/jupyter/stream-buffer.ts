import * as assert from 'uvu/assert';
import { StreamBuffer } from '../../../../../src/cli/repl/jupyter/stream-buffer.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('cli/repl/jupyter/stream-buffer');

function recording() {
  const sent: [string, string][] = [];
  return { sent, buffer: new StreamBuffer((stream, text) => sent.push([stream, text])) };
}

test('writes are gathered; those of the other stream keep their place', () => {
  const { sent, buffer } = recording();
  buffer.write('stdout', 'a');
  buffer.write('stdout', 'b');
  buffer.write('stderr', 'c');
  buffer.write('stdout', 'd');
  buffer.flush();
  buffer.flush();
  assert.equal(sent, [
    ['stdout', 'ab'],
    ['stderr', 'c'],
    ['stdout', 'd'],
  ]);
});

test('of long output the beginning and the end go out, and how much is missing', () => {
  const { sent, buffer } = recording();
  const line = `${'x'.repeat(1023)}\n`;
  for (let i = 0; i < 50 * 1024; i++) {
    buffer.write('stdout', line);
    if (i % 100 === 0) buffer.flush();
  }
  buffer.write('stdout', 'the last words');
  buffer.finish();
  const text = sent.map(([, part]) => part).join('');
  assert.ok(text.length < 1.2 * 1024 * 1024, `${text.length} characters`);
  assert.ok(text.endsWith('the last words'));
  const missing = Number(/\[… (\d+) characters are left out …\]/.exec(text)?.[1]);
  const marks = `\n[… ${missing} characters are left out …]\n`.length;
  assert.is(text.length - marks + missing, 50 * 1024 * 1024 + 'the last words'.length);
});

test.run();
