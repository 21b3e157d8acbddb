import { deepStrictEqual } from 'node:assert/strict';
import * as assert from 'uvu/assert';
import { ProtocolError } from '../../../src/errors.ts';
import { decodeHeader, encodeMessage, idOfHeader } from '../../../src/protocol/header-codec.ts';
import { type Header, PROTOCOL_VERSION, REPLY_STATUSES } from '../../../src/protocol/messages.ts';
import { METHODS } from '../../../src/protocol/methods.ts';
import { isShort } from '../../../src/protocol/short-headers.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('short-headers');
const task = { type: 'task', id: 'c:1', to: 'uuid-1', method: 'apply', label: 'apply' } as const;
const metadata = { started: 1.5, completed: 1_795_947_583_274, stdout: '', stderr: '' };
const reply = { type: 'reply', id: 'c:1', status: 'ok', metadata } as const;
const bytesOf = (header: Header): Uint8Array => encodeMessage(header)[0] as Uint8Array;

const SHORT: readonly Header[] = [
  task,
  { ...task, roster: 0, call: 0, tells: true },
  { ...task, roster: 2 ** 32 - 1, call: 2 ** 32 - 1 },
  { ...task, links: { mail: 1.5e-4, between: 1e-9 } },
  { ...task, call: 3, tells: true, links: { mail: 0, between: 0 }, label: '' },
  { ...task, links: { mail: 2, between: 1, mailAlone: 0.5, betweenAlone: 2 ** -40 }, label: 'x' },
  { ...task, id: '', to: '', label: '' },
  { ...task, id: 'x'.repeat(255), to: 'y'.repeat(255), label: 'z'.repeat(255) },
  ...METHODS.map((method) => ({ ...task, method })),
  { ...reply, metadata: { ...metadata, started: null } },
  { ...reply, id: 'x'.repeat(255), metadata: { ...metadata, started: -1, completed: 0 } },
  ...REPLY_STATUSES.map((status) => ({ ...reply, status })),
];

const LONG: readonly Header[] = [
  { ...task, runTimeout: 5 },
  { ...task, relayed: { key: 'c.1' } },
  { ...task, call: 2 ** 32 },
  { ...task, roster: 2 ** 32 },
  { ...task, label: 'é' },
  { ...task, label: 'x'.repeat(256) },
  { ...task, id: '名:1' },
  { ...task, to: '名' },
  { ...reply, id: 'é' },
  { ...reply, id: 'x'.repeat(256) },
  { ...reply, metadata: { ...metadata, stdout: 'x' } },
  { ...reply, metadata: { ...metadata, stderr: 'x' } },
  { ...reply, metadata: { ...metadata, executionCount: 0 } },
  { ...reply, status: 'error', error: { name: 'E', message: '', stack: '' } },
  { type: 'need', id: 'c:1' },
];

for (const [headers, isExpectedShort] of [
  [SHORT, true],
  [LONG, false],
] as const) {
  test(`a round trip of each header that is ${isExpectedShort ? 'short' : 'JSON'}`, () => {
    for (const header of headers) {
      assert.is(isShort(bytesOf(header)), isExpectedShort, JSON.stringify(header));
      deepStrictEqual(decodeHeader([bytesOf(header)]), header);
    }
  });
}

test('texts that repeat are right after others have come', () => {
  const others = ['uuid-1', 'uuid-2', 'uuid-1', 'uuid-11'].map((to) => ({ ...task, to, label: `of ${to}` }));
  for (const header of others) deepStrictEqual(decodeHeader([bytesOf(header)]), header);
});

test('a short header of another version names both versions', () => {
  for (const header of [task, reply]) {
    const bytes = Buffer.from(bytesOf(header));
    bytes[1] = 99;
    throws(() => decodeHeader([bytes]), ProtocolError, /peer speaks 99, this side 1\b/);
    throws(() => decodeHeader([bytes.subarray(0, 1)]), ProtocolError, /peer speaks none, this side 1\b/);
  }
});

test('bytes that no peer writes are refused', () => {
  const forged = (header: Header, change: (bytes: Buffer) => void): Uint8Array[] => {
    const bytes = Buffer.from(bytesOf(header));
    change(bytes);
    return [bytes];
  };
  const refused = (parts: readonly Uint8Array[]) => throws(() => decodeHeader(parts), ProtocolError, /short header/);
  refused(forged(task, (bytes) => bytes.writeUInt8(METHODS.length, 4)));
  refused(forged(reply, (bytes) => bytes.writeUInt8(REPLY_STATUSES.length, 2)));
  refused(forged(reply, (bytes) => bytes.writeDoubleLE(Number.POSITIVE_INFINITY, 8)));
  refused(forged(reply, (bytes) => bytes.writeDoubleLE(Number.NaN, 16)));
  const links = { mail: 1, between: 1, mailAlone: 1, betweenAlone: 1 };
  for (const places of [32, 24, 16, 8])
    refused(forged({ ...task, links }, (bytes) => bytes.writeDoubleLE(Number.NaN, bytes.length - places)));
  refused(forged({ ...task, links }, (bytes) => bytes.writeUInt8(16, 2)));
  refused(forged({ ...task, links: { mail: 1, between: 1 } }, (bytes) => bytes.writeUInt8(16, 2)));
  for (const header of [task, reply, { ...task, links }]) {
    const bytes = bytesOf(header);
    for (let length = 2; length < bytes.length; length++) refused([bytes.subarray(0, length)]);
    refused([Buffer.concat([bytes, Buffer.alloc(1)])]);
    refused(forged(header, (changed) => changed.writeUInt8(200, 3)));
  }
});

test('any byte may be wrong: the header is refused, or one of the same kind', () => {
  for (const header of [task, reply]) {
    for (let at = 0; at < bytesOf(header).length; at++) {
      for (const value of [0, 1, 2, 0x7b, 0x80, 0xff]) {
        const bytes = Buffer.from(bytesOf(header));
        bytes[at] = value;
        try {
          assert.ok(['task', 'reply'].includes(decodeHeader([bytes]).type));
        } catch (error) {
          assert.instance(error, ProtocolError);
        }
      }
    }
  }
});

test('the id of a header that is refused can be read where it is there', () => {
  assert.is(idOfHeader(bytesOf(task)), 'c:1');
  assert.is(idOfHeader(bytesOf(reply)), 'c:1');
  assert.is(idOfHeader(Buffer.from(`{"v":${PROTOCOL_VERSION},"type":"x","id":"c:2"}`)), 'c:2');
  for (const none of [
    undefined,
    Buffer.alloc(0),
    Uint8Array.of(1),
    Uint8Array.of(2, PROTOCOL_VERSION),
    Buffer.from('{'),
  ])
    assert.is(idOfHeader(none), undefined);
});

test.run();
