// Large replies whose links broke: the engine keeps copies of them up to a bound, the newest one in any case.
import * as assert from 'uvu/assert';
import { KeptReplies } from '../../../../engines/queue/kept-replies.ts';
import type { ReplyMessage } from '../../../../src/protocol/messages.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('kept replies');
const metadata = { started: 1, completed: 2, stdout: '', stderr: '' };
const reply = (id: string): ReplyMessage => ({ type: 'reply', id, status: 'ok', metadata });

/** Replies of 10 KB each, where 1 KB counts as large and copies may have 35 KB. */
function broken(...ids: readonly string[]): KeptReplies {
  const kept = new KeptReplies({ bytes: 1000, copied: 35_000 });
  for (const id of ids) {
    assert.not(kept.add(reply(id), [new Uint8Array(10_000)]), 'kept apart');
    kept.own(id);
  }
  return kept;
}

test('copies over the bound: the oldest go, and their errors say so', () => {
  const kept = broken('c:1', 'c:2', 'c:3', 'c:4', 'c:5');
  assert.equal(kept.travelling, ['c:3', 'c:4', 'c:5']);
  assert.match(kept.whyForgotten('c:1') as string, /^made room for later ones: an engine keeps .* of large results$/);
  assert.is(kept.get('c:1'), undefined);
  assert.is(kept.own('c:3')?.body[0]?.byteLength, 10_000);
});

test('a copy of more than the bound is kept until it arrives', () => {
  const kept = broken('c:1');
  kept.add(reply('c:2'), [new Uint8Array(50_000)]);
  kept.own('c:2');
  assert.equal(kept.travelling, ['c:2']);
  kept.arrived('c:2');
  assert.equal(kept.travelling, []);
  assert.is(kept.bytes, 0);
});

test('a large reply that is on its way for the first time is no copy, and does not count', () => {
  const kept = new KeptReplies({ bytes: 1000, copied: 15_000 });
  for (const id of ['c:1', 'c:2', 'c:3']) kept.add(reply(id), [new Uint8Array(10_000)]);
  kept.own('c:3');
  assert.equal(kept.travelling, ['c:1', 'c:2', 'c:3']);
});

test.run();
