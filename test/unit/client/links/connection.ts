// Replies that no client can read, and replies of an engine that has gone bad. The engine is one end of a link in memory.
import * as assert from 'uvu/assert';
import { Connection } from '../../../../src/client/links/connection.ts';
import type { Outcome } from '../../../../src/client/links/outcome.ts';
import { Task } from '../../../../src/client/links/task.ts';
import { memoryTransport } from '../../../../src/comm/memory.ts';
import type { Link, Parts } from '../../../../src/comm/transport.ts';
import { ConnectionError, EngineUnreachable } from '../../../../src/errors.ts';
import { encodeBody } from '../../../../src/protocol/codec.ts';
import { decodeHeader, encodeMessage } from '../../../../src/protocol/header-codec.ts';
import type { EngineRecord } from '../../../../src/protocol/messages/engine-record.ts';
import type { TaskMessage } from '../../../../src/protocol/messages.ts';
import { deferred } from '../../../../src/util/deferred.ts';
import { pause } from '../../../support/links.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('links/connection');
const device = { adapter: '', driver: '', software: false, gpuMode: 'cpu', tfBackend: 'cpu', matmul: 'reference' };

const RECORD: EngineRecord = {
  id: 3,
  uuid: 'u',
  pid: 1,
  host: 'h',
  tasks: 'memory://none',
  control: 'memory://none',
  peers: 'memory://none',
  device: { kind: 'cpu', ...device, threads: 1, limits: {}, features: [], versions: {} },
};

/** The outcome of a task whose engine answers each message with these parts. */
async function outcomeOf(answer: (id: string) => Parts): Promise<Outcome> {
  const transport = memoryTransport();
  const listener = await transport.listen('memory://*', {
    onMessage: (parts, link) => void link.send(answer((decodeHeader(parts) as TaskMessage).id)),
  });
  const record = { ...RECORD, tasks: listener.endpoint };
  const connection = new Connection(record, transport);
  const task = new Task('client:7', record, 'apply');
  connection.submit(task.attempt!, { method: 'apply', label: 'apply', body: encodeBody([]) });
  const hangs = pause(5000).then(() => assert.unreachable('the task hangs'));
  try {
    return (await Promise.race([task.done, hangs])) as Outcome;
  } finally {
    await connection.fail({ reason: 'ended' });
    await listener.close();
  }
}

const metadata = { started: 1, completed: 2, stdout: '', stderr: '' };
const header = (id: string) => ({ type: 'reply', id, status: 'ok', metadata }) as const;
const json = (value: unknown): Parts => [Buffer.from(JSON.stringify(value))];
const raw = (id: string, more: object) => json({ v: 1, ...header(id), ...more });

const UNREADABLE: readonly [what: string, answer: (id: string) => Parts, error: RegExp][] = [
  [
    'a garbage body',
    (id) => encodeMessage(header(id), [Buffer.from('garbage')]),
    /the reply of task 'client:7' from engine 3 cannot be read: /,
  ],
  ['an empty body', (id) => encodeMessage(header(id), [Buffer.alloc(0)]), /cannot be read/],
  [
    'a body cut short',
    (id) => encodeMessage(header(id), [encodeBody({ a: [1, 2, 3] })[0]!.subarray(0, 6)]),
    /cannot be read/,
  ],
  [
    'raw parts that are missing',
    (id) => encodeMessage(header(id), encodeBody(new Float64Array(1000)).slice(0, 1)),
    /cannot be read/,
  ],
  [
    'a raw part of another length',
    (id) => encodeMessage(header(id), [encodeBody(new Float64Array(1000))[0]!, Buffer.alloc(12)]),
    /cannot be read/,
  ],
  ['another protocol version', (id) => raw(id, { v: 99 }), /protocol versions differ: the peer speaks 99/],
  ['no protocol version', (id) => json(header(id)), /protocol versions differ/],
  ['a bad status', (id) => raw(id, { status: 'maybe' }), /cannot be read/],
  ['bad metadata', (id) => raw(id, { metadata: { started: 'soon' } }), /cannot be read/],
  ['no metadata', (id) => raw(id, { metadata: undefined }), /cannot be read/],
  ['a bad error', (id) => raw(id, { status: 'error', error: 5 }), /cannot be read/],
  ['a type that nobody knows', (id) => raw(id, { type: 'nonsense' }), /cannot be read/],
  ['a message of the wrong direction', (id) => json({ v: 1, type: 'body', id }), /cannot be read/],
  ['a header that is no JSON', () => [Buffer.from('{"id":')], /no JSON in the header/],
  ['a header that is a number', () => json(5), /could not handle/],
  ['an empty header', () => [Buffer.alloc(0)], /could not handle/],
  [
    'output that cannot be read',
    (id) => [...json({ v: 1, type: 'output', id, stream: 'data' }), Buffer.from('x')],
    /cannot be read/,
  ],
];

for (const [what, answer, expected] of UNREADABLE) {
  test(`${what}: the task fails with what went wrong`, async () => {
    const outcome = await outcomeOf(answer);
    assert.not(outcome.ok);
    if (!outcome.ok) assert.match(outcome.error.message, expected);
  });
}

const global = globalThis as { taken?: unknown };
/** A reply with a function of this source. */
const withSource = (source: string) => (id: string) => {
  // As the codec writes it, with another text in its place.
  const mark = new Function(`return '${'x'.repeat(300)}'`);
  const [blob] = encodeBody(mark);
  const text = `/* sloppy */ ${mark}`;
  const bytes = Buffer.from(blob!);
  const at = bytes.indexOf(text);
  assert.ok(at > 0 && source.length <= text.length, 'the source stands as text in the blob');
  bytes.write(source.padEnd(text.length), at, 'latin1');
  return encodeMessage(header(id), [bytes]);
};

for (const source of [
  'globalThis.taken = 1',
  '(globalThis.taken = 1, () => {})',
  '() => {}) || (globalThis.taken = 1',
  '() => {}); globalThis.taken = 1; (() => {}',
  '(() => { globalThis.taken = 1; return () => {}; })()',
  'new (class { constructor() { globalThis.taken = 1; } })()',
  '({ get f() { globalThis.taken = 1; return 1; } }).f',
  '({ [globalThis.taken = 1]() {} })["f"]',
  '({ f() {}, g: globalThis.taken = 1 })["f"]',
  '({ f() {} })[globalThis.taken = "f"]',
  'import("data:text/javascript,globalThis.taken=1")',
  "Function('globalThis.taken = 1')()",
]) {
  test(`a text that is no function is refused, and never runs: ${source}`, async () => {
    const outcome = await outcomeOf(withSource(source));
    assert.not(outcome.ok);
    if (!outcome.ok) assert.match(outcome.error.message, /cannot be read: SyntaxError/);
    // A module that it asked for would have run before this one.
    await import(`data:text/javascript,export default ${JSON.stringify(source.length)}`);
    assert.is(global.taken, undefined);
  });
}

for (const source of [
  'class { static { globalThis.taken = 1; } }',
  'class { static x = (globalThis.taken = 1); }',
  'class { [(globalThis.taken = 1, "f")]() {} }',
  'class extends (globalThis.taken = 1, Object) {}',
  'class { static [(globalThis.taken = 1, "f")] = 1; }',
]) {
  test(`a class runs nothing before it is used: ${source}`, async () => {
    const outcome = await outcomeOf(withSource(source));
    assert.ok(outcome.ok);
    const value = outcome.ok ? (outcome.value as new () => object) : undefined;
    await value;
    assert.is(typeof value, 'function');
    assert.is(`${value?.name}`, '');
    assert.is(global.taken, undefined);
    assert.instance(new value!(), value!);
    assert.is(global.taken, 1, 'its user ran it');
    delete global.taken;
  });
}

test('a task that has its reply is not sent again, and a second reply changes nothing', async () => {
  const transport = memoryTransport();
  const arrived: string[] = [];
  const links: Link[] = [];
  const listener = await transport.listen('memory://*', {
    onMessage: (parts, link) => {
      const { id } = decodeHeader(parts) as TaskMessage;
      arrived.push(id);
      links.push(link);
      if (id === 'client:7') for (const n of [1, 2]) void link.send(encodeMessage(header(id), encodeBody(n)));
      else if (links.length > 2) void link.send(encodeMessage(header(id), encodeBody(3)));
      else void link.close();
    },
  });
  const record = { ...RECORD, tasks: listener.endpoint };
  const connection = new Connection(record, transport);
  const [first, second] = ['client:7', 'client:8'].map((id) => new Task(id, record, 'apply')) as [Task, Task];
  connection.submit(first.attempt!, { method: 'apply', label: 'apply', body: encodeBody([]) });
  const outcome = await first.done;
  connection.submit(second.attempt!, { method: 'apply', label: 'apply', body: encodeBody([]) });
  await second.done;
  assert.equal(arrived, ['client:7', 'client:8', 'client:8']);
  assert.equal(outcome, { ok: true, value: 1 });
  assert.is(first.outcome, outcome);
  await connection.fail({ reason: 'ended' });
  await listener.close();
});

test('a small message whose link breaks is sent again as it was, although its array has changed since it left', async () => {
  const transport = memoryTransport();
  const arrived: number[] = [];
  const listener = await transport.listen('memory://*', {
    onMessage: (parts, link) => {
      const { id } = decodeHeader(parts) as TaskMessage;
      const values = new Float64Array((parts[2] as Uint8Array).slice().buffer);
      if (arrived.push(values[0] as number) === 1) void link.close();
      else void link.send(encodeMessage(header(id), encodeBody(1)));
    },
  });
  const record = { ...RECORD, tasks: listener.endpoint };
  const connection = new Connection(record, transport);
  const task = new Task('client:7', record, 'apply');
  const values = new Float64Array(1000).fill(1);
  connection.submit(task.attempt!, { method: 'apply', label: 'apply', body: encodeBody([values]) });
  await task.sent;
  values.fill(2);
  await task.done;
  assert.equal(arrived, [1, 1]);
  await connection.fail({ reason: 'ended' });
  await listener.close();
});

for (const [isRetired, expected] of [
  [true, 'ok'],
  [undefined, 'died before task'],
] as const) {
  test(`an engine that ${isRetired ? 'was to end' : 'died'}, a reply that is on its way: ${expected}`, async () => {
    const transport = memoryTransport();
    const asked = deferred<[id: string, link: Link]>();
    const listener = await transport.listen('memory://*', {
      onMessage: (parts, link) => asked.resolve([(decodeHeader(parts) as TaskMessage).id, link]),
    });
    const record = { ...RECORD, tasks: listener.endpoint };
    const connection = new Connection(record, transport);
    const task = new Task('client:7', record, 'apply');
    connection.submit(task.attempt!, { method: 'apply', label: 'apply', body: encodeBody([]) });
    const [id, link] = await asked.promise;
    const failed = connection.fail({ reason: 'was shut down', isRetired });
    void link.send(encodeMessage(header(id), encodeBody(5)));
    listener.flush();
    await listener.close();
    const outcome = (await task.done) as Outcome;
    await failed;
    assert.match(outcome.ok ? 'ok' : outcome.error.message, expected);
  });
}

test('control requests that wait for an engine are rejected when it is gone', async () => {
  const transport = memoryTransport();
  const listener = await transport.listen('memory://*', { onMessage: () => {} });
  const connection = new Connection({ ...RECORD, control: listener.endpoint }, transport);
  const asked = connection.control({ type: 'ping' }, 5000).catch((error: Error) => error.message);
  await connection.fail({ reason: 'ended' });
  assert.is(await asked, 'engine 3 is gone (ended)');
  await listener.close();
});

test('a link that cannot be opened is an error of this process: the engine is well', async () => {
  const transport = memoryTransport();
  const connect = () => {
    throw new ConnectionError('a link needs 16 descriptors');
  };
  const connection = new Connection(RECORD, { ...transport, connect });
  const task = new Task('client:7', RECORD, 'apply');
  connection.submit(task.attempt!, { method: 'apply', label: 'apply', body: encodeBody([]) });
  const outcome = await task.done;
  await connection.fail({ reason: 'ended' });
  const error = outcome.ok ? undefined : outcome.error;
  assert.instance(error, EngineUnreachable);
  assert.instance(error?.cause, ConnectionError);
  assert.equal([error?.code, error?.ename], ['DV_CONNECTION', 'ConnectionError']);
  const text = '[3:apply] ConnectionError: engine 3 cannot be reached (2 tries): a link needs 16 descriptors';
  assert.is(error?.message, text);
});

test.run();
