// Every header through the codec, and headers that no peer of ours would send.
import { deepStrictEqual } from 'node:assert/strict';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { ProtocolError } from '../../../src/errors.ts';
import { decodeHeader, encodeMessage } from '../../../src/protocol/header-codec.ts';
import type { DeviceReport } from '../../../src/protocol/messages/engine-record.ts';
import { type Header, PROTOCOL_VERSION } from '../../../src/protocol/messages.ts';
import { throws } from '../../support/assert.ts';
import { suite } from '../../support/suite.ts';

const test = suite('messages');

const device: DeviceReport = {
  kind: 'webgpu',
  adapter: 'card',
  driver: '1.2',
  software: false,
  gpuMode: 'webgpu',
  tfBackend: 'webgpu',
  matmul: 'wgsl',
  threads: 4,
  limits: { maxBufferSize: 2 ** 31 },
  features: ['shader-f16'],
  versions: { webgpu: '0.6.2' },
};
const unnumbered = {
  uuid: 'u',
  pid: 77,
  host: 'h',
  tasks: 'unix:///t',
  control: 'unix:///c',
  peers: 'unix:///p',
  device,
};
const engine = { id: 3, ...unnumbered };
const metadata = { started: 1.5, completed: 2.5, executionCount: 3, stdout: 'out\n', stderr: '' };
const error = { name: 'TypeError', message: 'm', stack: 's', code: 'C', cause: { name: 'E', message: '', stack: '' } };
const control = { id: 9, to: 'uuid' };

const HEADERS: Header[] = [
  { type: 'task', id: 'c:1', to: 'u', method: 'apply', label: 'map', runTimeout: 2000 },
  { type: 'task', id: 'c:2', to: 'u', method: 'pull', label: 'gather' },
  { type: 'task', id: 'c:3', to: 'u', method: 'apply', label: 'apply', roster: 4, call: 0 },
  { type: 'task', id: 'c:3', to: 'u', method: 'push', label: 'push', relayed: { key: 'k', from: 1 } },
  { type: 'task', id: 'c:3', to: 'u', method: 'push', label: 'push', relayed: { key: 'k' } },
  { type: 'fetch', id: 'c:3' },
  { type: 'need', id: 'c:3' },
  { type: 'body', id: 'c:3' },
  { type: 'mail', from: 2, tag: 'ring:1' },
  { type: 'relay', key: 'k', chain: [3, 4], sizes: [10, 5000], part: 1, offset: 4096 },
  { type: 'reply', id: 'c:1', status: 'ok', metadata },
  { type: 'reply', id: 'c:1', status: 'error', metadata: { ...metadata, started: null }, error },
  { type: 'output', id: 'c:1', stream: 'stdout', text: 'hi' },
  { type: 'output', id: 'c:1', stream: 'data' },
  { ...control, type: 'ping' },
  { ...control, type: 'status' },
  { ...control, type: 'abort', ids: ['c:1'] },
  { ...control, type: 'interrupt', ids: [], grace: 500 },
  { ...control, type: 'shutdown' },
  { ...control, type: 'purge', ids: ['c:1'] },
  { ...control, type: 'purge', client: 'c' },
  { type: 'control-reply', id: 9, ok: true, value: { running: null, queue: [1, 'a'] } },
  { type: 'control-reply', id: 9, ok: false, error: 'no' },
  { type: 'register', engine: unnumbered, slot: 0 },
  { type: 'register', engine: unnumbered },
  { type: 'unregister', uuid: 'u' },
  { type: 'hello', client: 'c' },
  { type: 'heartbeat', uuid: 'u' },
  { type: 'cluster', request: 1, verb: { do: 'stop' } },
  { type: 'cluster', request: 1, verb: { do: 'restart', ids: [0, 1] } },
  { type: 'cluster', request: 1, verb: { do: 'shutdown', ids: [] } },
  { type: 'cluster', request: 1, verb: { do: 'add', n: 2 } },
  { type: 'registered', id: 0 },
  { type: 'roster', engines: [engine, { ...engine, id: 4 }] },
  { type: 'engine-up', engine },
  { type: 'roster', engines: [], version: 7 },
  { type: 'engine-up', engine, version: 8 },
  { type: 'engine-down', id: 3, uuid: 'u', reason: 'exit 1' },
  { type: 'engine-down', id: 3, uuid: 'u', reason: 'exit 1', version: 9 },
  { type: 'cluster-reply', request: 1 },
  { type: 'cluster-reply', request: 1, error: 'no' },
  { type: 'stopping' },
];

for (const header of HEADERS) {
  test(`round trip: ${header.type} ${Object.keys(header).length} fields`, () => {
    const back = decodeHeader(encodeMessage(header));
    deepStrictEqual(back, header);
  });
}

const raw = (header: unknown): Uint8Array[] => [Buffer.from(JSON.stringify(header))];
const v = PROTOCOL_VERSION;

test('a version mismatch names both versions', () => {
  throws(() => decodeHeader(raw({ v: 99, type: 'stopping' })), ProtocolError, /peer speaks 99, this side 1\b/);
  throws(() => decodeHeader(raw({ type: 'stopping' })), ProtocolError, /peer speaks none, this side 1\b/);
});

test('fields that are not in the table do not get in', () => {
  const odd = JSON.parse(`{"v":${v},"type":"hello","client":"c","extra":1,"__proto__":{"polluted":1}}`);
  const header = decodeHeader(raw(odd));
  deepStrictEqual(header, { type: 'hello', client: 'c' });
  assert.is((header as { polluted?: number }).polluted, undefined);
});

test('inherited names are neither types nor fields', () => {
  throws(() => decodeHeader(raw({ v, type: 'constructor' })), ProtocolError, /type is unknown: "constructor"/);
  throws(() => decodeHeader(raw({ v, type: 'toString' })), ProtocolError, /type is unknown/);
});

const task = { v, type: 'task', id: 'c:1', to: 'u', method: 'apply', label: 'apply' };
const reply = { v, type: 'reply', id: 'c:1', status: 'ok', metadata };
const LONG = 'x'.repeat(257);

const BAD: [unknown, RegExp][] = [
  [[], /a header must be an object, not a list/],
  [null, /a header must be an object, not null/],
  ['text', /a header must be an object, not string/],
  [{ v }, /header\.type is unknown/],
  [{ v, type: 'nope' }, /nope\.type is unknown: "nope"/],
  [{ v, type: 7 }, /header\.type is unknown: 7/],
  [{ ...task, id: 7 }, /task\.id must be text, not number/],
  [{ ...task, to: undefined }, /task\.to must be text, not undefined/],
  [{ ...task, method: 'rm' }, /task\.method must be one of .*, not rm/],
  [{ ...task, runTimeout: '5' }, /task\.runTimeout must be a number, not string/],
  [{ ...task, runTimeout: null }, /task\.runTimeout must be a number, not null/],
  [{ v, type: 'mail', from: -1, tag: '' }, /mail\.from must be a whole number/],
  [{ v, type: 'mail', from: 1.5, tag: '' }, /mail\.from must be a whole number/],
  [{ ...reply, status: 'fine' }, /reply\.status must be one of/],
  [{ ...reply, metadata: { ...metadata, stdout: null } }, /reply\.metadata\.stdout must be text, not null/],
  [{ ...reply, metadata: 'x' }, /reply\.metadata must be an object/],
  [{ ...reply, error: { name: 'E', message: 'm' } }, /reply\.error\.stack must be text, not undefined/],
  [{ v, type: 'abort', id: 1, to: 'u' }, /abort\.ids must be a list/],
  [{ v, type: 'abort', id: 1, to: 'u', ids: ['a', 1] }, /abort\.ids\[1\] must be text/],
  [{ v, type: 'abort', id: 1, to: 'u', ids: [LONG] }, /abort\.ids\[0\] has 257 characters, over 256/],
  [{ v, type: 'purge', id: 1, to: 'u', client: LONG }, /purge\.client has 257 characters/],
  [{ v, type: 'interrupt', id: 1, to: 'u', drop: [LONG] }, /interrupt\.drop\[0\] has 257 characters/],
  [{ ...task, id: LONG }, /task\.id has 257 characters/],
  [{ v, type: 'fetch', id: LONG }, /fetch\.id has 257 characters/],
  [{ v, type: 'hello', client: LONG }, /hello\.client has 257 characters/],
  [{ v, type: 'register', engine: { ...engine, uuid: LONG } }, /register\.engine\.uuid has 257 characters/],
  [{ v, type: 'register', engine, proof: LONG }, /register\.proof has 257 characters/],
  [{ v, type: 'control-reply', id: 1, ok: 'yes' }, /control-reply\.ok must be true or false/],
  [{ v, type: 'cluster', request: 1, verb: { do: 'explode' } }, /cluster\.verb\.do is unknown: "explode"/],
  [{ v, type: 'roster', engines: [{ ...engine, pid: 'x' }] }, /roster\.engines\[0\]\.pid must be a whole number/],
  [
    { v, type: 'engine-up', engine: { ...engine, device: { ...device, limits: { a: 'x' } } } },
    /engine-up\.engine\.device\.limits\.a must be a number/,
  ],
];

for (const [header, message] of BAD) {
  test(`refused: ${message.source}`, () => {
    throws(() => decodeHeader(raw(header)), ProtocolError, message);
  });
}

test('no header, no JSON', () => {
  throws(() => decodeHeader([]), ProtocolError, /without a header/);
  throws(() => decodeHeader([Uint8Array.of(123)]), ProtocolError, /no JSON/);
});

test('headers are bounded: 64 KiB, or 4 MiB where they bear text', () => {
  const label = 'x'.repeat(70_000);
  throws(() => encodeMessage({ ...HEADERS[1], label } as Header), ProtocolError, /header of a task has 70\d+ bytes/);
  throws(() => decodeHeader(raw({ ...task, label })), ProtocolError, /header of a task has 70\d+ bytes/);
  const chatty = { ...metadata, stdout: 'x'.repeat(3_000_000) };
  assert.ok(decodeHeader(encodeMessage({ type: 'reply', id: 'c:1', status: 'ok', metadata: chatty })));
  const flood = { ...metadata, stdout: 'x'.repeat(5_000_000) };
  throws(() => decodeHeader(raw({ ...reply, metadata: flood })), ProtocolError, /has 5\d+ bytes/);
});

test('a chain of causes without end is refused', () => {
  let cause: object = { name: 'E', message: '', stack: '' };
  for (let i = 0; i < 1000; i++) cause = { name: 'E', message: '', stack: '', cause };
  throws(() => decodeHeader(raw({ ...reply, error: cause })), ProtocolError, /over 16 causes/);
});

test('property: garbage is a ProtocolError', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(Buffer.from), fc.object().map(typed)), (bytes) => {
      try {
        decodeHeader([bytes]);
      } catch (thrown) {
        assert.instance(thrown, ProtocolError);
      }
    }),
    { numRuns: 500 },
  );
});

function typed(fields: object): Buffer {
  const types = HEADERS.map((h) => h.type);
  return Buffer.from(JSON.stringify({ ...fields, v, type: types[Object.keys(fields).length % types.length] }));
}

test.run();
