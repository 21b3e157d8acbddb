import * as assert from 'uvu/assert';
import { MessageCodec, messageOf } from '../../../../../src/cli/repl/jupyter/message.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('cli/repl/jupyter/message');
const request = messageOf('execute_request', { code: '1 + 1' }, undefined, [Buffer.from('front')]);

test('frames come back as the message; the parent is named', () => {
  const sent = messageOf('status', { execution_state: 'busy' }, request.header, [Buffer.from('status')]);
  const got = new MessageCodec('key').decode(new MessageCodec('key').encode(sent));
  assert.equal(got.header, sent.header);
  assert.equal(got.parent, request.header);
  assert.equal(got.content, { execution_state: 'busy' });
  assert.is(Buffer.from(got.identities[0]!).toString(), 'status');
});

test('a wrong key, a changed part and a replay are refused', () => {
  const codec = new MessageCodec('key');
  assert.throws(() => codec.decode(new MessageCodec('other').encode(request)), /a wrong signature/);
  const frames = codec.encode(request);
  for (const i of [2, 3, 4, 5, 6]) {
    const changed = frames.map((frame, at) => (at === i ? Buffer.concat([frame, Buffer.from(' ')]) : frame));
    assert.throws(() => codec.decode(changed), /a wrong signature/);
  }
  codec.decode(frames);
  assert.throws(() => codec.decode(frames), /a message that came before/);
});

test('65,536 signatures are remembered: the oldest is forgotten, the others are not', () => {
  const [front, kernel] = [new MessageCodec('key'), new MessageCodec('key')];
  const first = front.encode(request);
  kernel.decode(first);
  const second = front.encode(messageOf('execute_request', { n: -1 }, undefined));
  kernel.decode(second);
  const other = messageOf('execute_request', {}, undefined);
  for (let n = 0; n < 65_535; n++) kernel.decode(front.encode({ ...other, content: { n } }));
  assert.throws(() => kernel.decode(second), /a message that came before/);
  kernel.decode(first);
});

test('without a key nothing is signed, and nothing is checked', () => {
  const frames = new MessageCodec('').encode(request);
  assert.is(frames[2]!.length, 0);
  const codec = new MessageCodec('');
  codec.decode(frames);
  codec.decode(frames);
});

test('what is no message is refused', () => {
  const codec = new MessageCodec('');
  const delimiter = Buffer.from('<IDS|MSG>');
  const parts = (...texts: string[]) => [delimiter, Buffer.from(''), ...texts.map((text) => Buffer.from(text))];
  assert.throws(() => codec.decode([]), /without its frames/);
  assert.throws(() => codec.decode([Buffer.from('x')]), /without its frames/);
  assert.throws(() => codec.decode(parts('{}', '{}', '{}')), /without its frames/);
  assert.throws(() => codec.decode(parts('{', '{}', '{}', '{}')), /JSON/);
  assert.throws(() => codec.decode(parts('{}', '{}', '[]', '{}')), /without fields/);
  assert.throws(() => codec.decode(parts('null', '{}', '{}', '{}')), /without fields/);
  assert.throws(() => codec.decode(parts('{"msg_id":1}', '{}', '{}', '{}')), /a header without/);
});

test.run();
