// The text of engines on its way to their controller: gathered, and cut where it is too long.
import * as assert from 'uvu/assert';
import { OutputRelay } from '../../../../src/cluster/agent/output-relay.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('output-relay');

test('chunks of an engine travel together, each once; a long text loses its beginning', () => {
  const sent: [number, string][] = [];
  const relay = new OutputRelay((slot, text) => sent.push([slot, text]));
  relay.write(3, 'a');
  relay.write(4, 'x');
  relay.write(3, 'b');
  assert.equal(sent, []);
  relay.flush();
  relay.flush();
  assert.equal(sent, [
    [3, 'ab'],
    [4, 'x'],
  ]);
  relay.write(3, `${'c'.repeat(70_000)}end`);
  relay.flush();
  const [, text = ''] = sent[2] ?? [];
  assert.is(text.length, 65_537);
  assert.ok(text.startsWith('…c') && text.endsWith('end'));
});

test('what is written is sent by itself', async () => {
  const sent = new Promise((resolve) => {
    const relay = new OutputRelay((slot, text) => resolve([slot, text]));
    relay.write(1, 'later');
  });
  assert.equal(await sent, [1, 'later']);
});

test.run();
