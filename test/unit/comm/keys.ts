// Who gets in: every key at every socket, wrong keys, no authenticator, no keys; and where keys do not show.
import { connect as netConnect } from 'node:net';
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { Dealer } from 'zeromq';
import { KeyRefused } from '../../../src/comm/link.ts';
import type { Link, Listener, SocketRole } from '../../../src/comm/transport.ts';
import { type Authentication, answerTo, authenticate } from '../../../src/comm/zeromq/authenticator.ts';
import { Credentials, newCredentials, PARTIES, SOCKETS } from '../../../src/comm/zeromq/credentials.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { ConnectionError } from '../../../src/errors.ts';
import { credentials as readCredentials } from '../../../src/protocol/credentials.ts';
import { rejects, throws } from '../../support/assert.ts';
import { echo, Mailbox, waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('keys');
const keys = newCredentials('one');
const NAMES = Object.keys(SOCKETS) as SocketRole[];

/** The clients' pair of another cluster, with the public keys that this one's controller and engines listen with. */
function stranger(other = newCredentials('other')): Credentials {
  const { secretKey, publicKeys: own } = other.client.reveal();
  const publicKeys = { ...keys.client.reveal().publicKeys, client: own.client };
  return new Credentials({ cluster: 'one', party: 'client', secretKey, publicKeys });
}

/** `got in` when an echo comes back, else the error of the link. */
async function attempt(listener: Listener, credentials: Credentials, socket: SocketRole): Promise<string> {
  const box = new Mailbox();
  const link = zeromqTransport({ credentials }).connect(listener.endpoint, box, socket);
  void link.send([Buffer.from('let me in')]).catch(() => {});
  await waitFor(() => box.messages.length + box.downs.length > 0, `an answer at ${socket}`);
  await link.close();
  return box.messages.length > 0 ? 'got in' : (box.downs[0] as Error).constructor.name;
}

async function withSocket(
  socket: SocketRole,
  run: (listener: Listener) => Promise<void>,
  heard: string[] = [],
): Promise<void> {
  const transport = zeromqTransport({ credentials: keys[SOCKETS[socket].owner] });
  const onMessage = (parts: Uint8Array[], link: Link) => {
    heard.push(Buffer.from(parts[0] ?? []).toString());
    echo.onMessage(parts, link);
  };
  const listener = await transport.listen('tcp://127.0.0.1:*', { onMessage }, socket);
  try {
    await run(listener);
  } finally {
    await listener.close();
  }
}

let authentications: Authentication[] = [];
test.before(async () => {
  authentications = await Promise.all([authenticate(keys.controller), authenticate(keys.engine)]);
});
test.after(async () => {
  await Promise.all(authentications.map((one) => one.close()));
});

for (const socket of NAMES) {
  for (const party of PARTIES) {
    const isAdmitted = SOCKETS[socket].admits.includes(party);
    test(`${socket}: the key of a ${party} ${isAdmitted ? 'gets in' : 'is refused'}`, () => {
      const heard: string[] = [];
      return withSocket(
        socket,
        async (listener) => {
          assert.is(await attempt(listener, keys[party], socket), isAdmitted ? 'got in' : KeyRefused.name);
          assert.equal(heard, isAdmitted ? ['let me in'] : []);
        },
        heard,
      );
    });
  }

  test(`${socket}: an unknown key, and that of another cluster in this process, are refused`, () =>
    withSocket(socket, async (listener) => {
      const other = newCredentials('two');
      const served = await authenticate(other[SOCKETS[socket].owner]);
      assert.is(await attempt(listener, stranger(other), socket), KeyRefused.name);
      assert.is(await attempt(listener, stranger(), socket), KeyRefused.name);
      await served.close();
    }));
}

test('without an authenticator everybody is refused, also the right key', () => {
  const lonely = newCredentials('lonely');
  const transport = zeromqTransport({ credentials: lonely.controller });
  return transport.listen('tcp://127.0.0.1:*', echo, 'roster').then(async (listener) => {
    assert.is(await attempt(listener, lonely.client, 'roster'), KeyRefused.name);
    const served = await authenticate(lonely.controller);
    assert.is(await attempt(listener, lonely.client, 'roster'), 'got in');
    await served.close();
    await served.close();
    assert.is(await attempt(listener, lonely.client, 'roster'), KeyRefused.name);
    await listener.close();
  });
});

test('a peer without keys, in ZMTP 3 or ZMTP 1, delivers nothing and is cut', () => {
  const heard: string[] = [];
  return withSocket(
    'tasks',
    async (listener) => {
      const plain = new Dealer({ linger: 0, immediate: true, sendTimeout: 300 });
      plain.connect(listener.endpoint);
      await rejects(() => plain.send('run this'), Error, /timed out/);
      plain.close();
      const old = netConnect(Number(listener.endpoint.split(':').at(-1)), '127.0.0.1').on('error', () => {});
      old.write(Buffer.from([1, 0]));
      old.write(Buffer.concat([Buffer.from([9, 0]), Buffer.from('run this')]));
      old.resume();
      // Not `once` of node:events: it rejects where the listener resets the connection.
      await new Promise((resolve) => old.once('close', resolve));
      assert.is(await attempt(listener, keys.client, 'tasks'), 'got in');
      assert.equal(heard, ['let me in']);
    },
    heard,
  );
});

test('an impostor at the address gets nothing that a client says', async () => {
  const impostor = newCredentials('impostor');
  const served = await authenticate(impostor.engine);
  const heard: string[] = [];
  const transport = zeromqTransport({ credentials: impostor.engine });
  const onMessage = (parts: Uint8Array[]) => heard.push(Buffer.from(parts[0] ?? []).toString());
  const listener = await transport.listen('tcp://127.0.0.1:*', { onMessage }, 'tasks');
  const client = zeromqTransport({ credentials: keys.client });
  const link = client.connect(listener.endpoint, new Mailbox(), 'tasks');
  void link.send([Buffer.from('a secret')]).catch(() => {});
  // Somebody who knows the impostor gets in meanwhile, twice.
  for (let i = 0; i < 2; i++) {
    const friend = zeromqTransport({ credentials: impostor.client });
    const other = friend.connect(listener.endpoint, new Mailbox(), 'tasks');
    void other.send([Buffer.from('friend')]).catch(() => {});
    await waitFor(() => heard.length > i, 'the friend');
    await other.close();
  }
  assert.equal(heard, ['friend', 'friend']);
  await link.close();
  await listener.close();
  await served.close();
});

test('tcp without keys, and sockets of other parties, are refused at both ends', async () => {
  const [bare, client, engine] = [undefined, keys.client, keys.engine].map((credentials) =>
    zeromqTransport({ credentials }),
  ) as [ReturnType<typeof zeromqTransport>, ReturnType<typeof zeromqTransport>, ReturnType<typeof zeromqTransport>];
  throws(() => bare.connect('tcp://127.0.0.1:9', echo, 'tasks'), ConnectionError, /there are no keys/);
  await rejects(() => bare.listen('tcp://127.0.0.1:*', echo, 'tasks'), ConnectionError, /there are no keys/);
  throws(() => client.connect('tcp://127.0.0.1:9', echo), ConnectionError, /which socket/);
  await rejects(() => engine.listen('tcp://127.0.0.1:*', echo, 'roster'), ConnectionError, /engine does not listen/);
});

test('a range of ports: the next one is taken where one is in use, and the last one is told', async () => {
  const transport = zeromqTransport({ credentials: keys.engine });
  const first = await transport.listen('tcp://127.0.0.1:*', echo, 'tasks');
  const port = Number(first.endpoint.split(':').at(-1));
  const range = `tcp://127.0.0.1:${port}-${port}`;
  await rejects(() => transport.listen(range, echo, 'tasks'), ConnectionError, /cannot bind/);
  await first.close();
  const again = await transport.listen(range, echo, 'tasks');
  assert.is(again.endpoint, `tcp://127.0.0.1:${port}`);
  await again.close();
});

const SECRETS = PARTIES.map((party) => keys[party].reveal().secretKey);
const shows = (text: string | undefined) => SECRETS.some((secret) => text?.includes(secret));

test('keys show nowhere: print, JSON, structured clone, errors of their reader', () => {
  const holder = { info: { credentials: keys.client } };
  for (const text of [
    inspect(holder, { depth: 9, showHidden: true }),
    JSON.stringify(holder),
    String(keys.client),
    inspect(structuredClone(holder)),
    Object.getOwnPropertyNames(keys.client).join(),
  ])
    assert.not(shows(text), text);
  assert.is(inspect(keys.client), 'Credentials { client of cluster one }');
  const damaged = { ...keys.client.reveal(), secretKey: `${keys.client.reveal().secretKey}x` };
  const error = throws(() => readCredentials(damaged, 'the file.credentials'), Error);
  assert.match(error.message, 'the file.credentials.secretKey must be a key');
  assert.not(shows(inspect(error)));
  assert.equal(readCredentials(JSON.parse(JSON.stringify(keys.client.reveal())), '').reveal(), keys.client.reveal());
});

test('questions that libzmq does not ask are answered with no', () => {
  const ask = (...frames: (string | Buffer)[]) => String(answerTo(frames.map((frame) => Buffer.from(frame)))[4]);
  for (const frames of [
    [],
    ['path', '', '1.0', '1', 'tasks.one', '', '', 'NULL'],
    ['path', '', '1.0', '1', 'tasks.one', '', '', 'PLAIN', 'user', 'secret'],
    ['path', '', '1.0', '1', 'tasks.one', '', '', 'CURVE', Buffer.alloc(31)],
    ['path', '', '1.0', '1', 'tasks.one', '', '', 'CURVE', Buffer.alloc(32)],
    ['path', '', '1.0', '1', '__proto__', '', '', 'CURVE', Buffer.alloc(32)],
  ])
    assert.is(ask(...frames), '400');
});

test.run();
