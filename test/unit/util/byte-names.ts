import * as assert from 'uvu/assert';
import { bytesOfName, fsPath, nameOfBytes, shownPath } from '../../../src/util/byte-names.ts';
import { suite } from '../../support/suite.ts';

const test = suite('util/byte-names');

const NAMES: [string, Buffer, string][] = [
  ['ASCII', Buffer.from('a.png'), 'a.png'],
  ['UTF-8', Buffer.from('日本é😀.png'), '日本é😀.png'],
  ['Latin-1', Buffer.from('caf\xe9.png', 'latin1'), 'caf\\xe9.png'],
  ['a character cut off at the end', Buffer.from([0x61, 0xe6, 0x97]), 'a\\xe6\\x97'],
  ['a byte order mark', Buffer.from('\ufeffa'), '\ufeffa'],
  ['a replacement character of its own', Buffer.from('\ufffd\xff', 'utf8'), '\ufffd\xff'],
  ['odd bytes beside an emoji', Buffer.concat([Buffer.from('😀'), Buffer.from([0x80, 0xff])]), '😀\\x80\\xff'],
  ['an encoded surrogate', Buffer.from([0xed, 0xb2, 0x80]), '\\xed\\xb2\\x80'],
];
for (const [what, bytes, shown] of NAMES) {
  test(`${what}: the bytes come back, and people can read it`, () => {
    const name = nameOfBytes(bytes);
    assert.equal(bytesOfName(name), bytes);
    assert.is(shownPath(name), shown);
    assert.is(typeof fsPath(name), shown === name ? 'string' : 'object');
    assert.is(JSON.parse(JSON.stringify(name)), name);
  });
}

test.run();
