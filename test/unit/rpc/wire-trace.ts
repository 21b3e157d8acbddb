// NODE_DEBUG=directview:wire, in a process of its own: it is read when the program starts.
import * as assert from 'uvu/assert';
import { Program } from '../../fixtures/cluster-lab.ts';
import { suite } from '../../support/suite.ts';

const test = suite('wire trace');

function talk(debug: string, ...words: string[]): Promise<{ stdout: string; stderr: string }> {
  return new Program('test/fixtures/wire-talk.js', words, { NODE_DEBUG: debug }).done;
}

test('every message is a line: direction, peer, header, parts and bytes of the body', async () => {
  const { stdout, stderr } = await talk('directview:wire');
  assert.is(stdout, 'done\n');
  const lines = stderr.trimEnd().split('\n');
  assert.is(lines.length, 4, stderr);
  const task = '{"type":"task","id":"c:1","to":"u","method":"apply","label":"apply"}';
  const prefix = /^DIRECTVIEW:WIRE \d+: /;
  assert.ok(lines.every((line) => prefix.test(line)));
  const texts = lines.map((line) => line.replace(prefix, ''));
  assert.is(texts[0], `-> engine 3 (tasks) ${task} + 2 parts, 1040 bytes`);
  assert.is(texts[1], `<- peer 1 (tasks) ${task} + 2 parts, 1040 bytes`);
  assert.match(texts[2]!, /^-> peer 1 \(tasks\) \{"type":"reply","id":"c:1","status":"ok"/);
  assert.match(texts[3]!, /^<- engine 3 \(tasks\) \{"type":"reply","id":"c:1","status":"ok"/);
});

test('a long header is cut, and says how long it is', async () => {
  const { stderr } = await talk('directview:wire');
  const reply = stderr.split('\n')[2]!;
  assert.ok(reply.length < 2200, `${reply.length} characters`);
  assert.match(reply, /x… \(5\d\d\d characters\)$/);
});

test('the secret of a client is not printed', async () => {
  const { stderr } = await talk('directview:wire', 'hello');
  assert.match(stderr, /-> engine 3 \(tasks\) \{"type":"hello","client":"c","secret":"…"\}/);
  assert.not.match(stderr, 'sesame');
});

test('without it, nothing is printed', async () => {
  const { stdout, stderr } = await talk('directview:comm');
  assert.is(stdout, 'done\n');
  assert.is(stderr, '');
});

test.run();
