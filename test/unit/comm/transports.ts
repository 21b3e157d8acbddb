// One suite over every transport: memory, Unix sockets with lent memory, with files and without either, zeromq's tcp without and with keys.
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { clusterTransport } from '../../../src/comm/by-scheme.ts';
import { memoryTransport } from '../../../src/comm/memory.ts';
import type { Link, LinkHandlers, Listener, Transport, TransportOptions } from '../../../src/comm/transport.ts';
import { BulkFolder } from '../../../src/comm/unix/bulk-folder.ts';
import { unixTransport } from '../../../src/comm/unix/unix-transport.ts';
import { type Authentication, authenticate } from '../../../src/comm/zeromq/authenticator.ts';
import { newCredentials } from '../../../src/comm/zeromq/credentials.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { ConnectionError } from '../../../src/errors.ts';
import { rejects, throws } from '../../support/assert.ts';
import { echo, Mailbox, pattern, sameParts, waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('transports');
let directory = '';
let count = 0;
const keys = newCredentials('transports');
let authentication: Authentication;
test.before(async () => {
  authentication = await authenticate(keys.controller);
  directory = await mkdtemp(join(tmpdir(), 'dv-comm-'));
});
test.after(async () => {
  await authentication.close();
  const left = await readdir(directory);
  await rm(directory, { recursive: true, force: true });
  assert.equal(left, ['in-the-way'], 'socket files are left');
});

interface Kind {
  readonly name: string;
  readonly make: (options?: TransportOptions) => Transport;
  readonly endpoint: () => string;
}
const kinds: Kind[] = [
  { name: 'memory', make: memoryTransport, endpoint: () => 'memory://*' },
  { name: 'unix', make: unixWithMemory, endpoint: () => `unix://${join(directory, `u${count++}`)}` },
  { name: 'unix with files', make: unixWithBulk, endpoint: () => `unix://${join(directory, `u${count++}`)}` },
  { name: 'unix without bulk', make: unixWithoutBulk, endpoint: () => `unix://${join(directory, `u${count++}`)}` },
  { name: 'tcp', make: tcpWithoutKeys, endpoint: () => 'tcp://127.0.0.1:*' },
  { name: 'tcp with keys', make: tcpWithKeys, endpoint: () => 'tcp://127.0.0.1:*' },
];

/** The default: large data are lent where the system allows it. */
function unixWithMemory(options?: TransportOptions): Transport {
  return unixTransport({ ...options, folder: new BulkFolder(join(directory, 'bulk')) });
}

const memory = () => undefined;

function unixWithBulk(options?: TransportOptions): Transport {
  return unixTransport({ ...options, memory, folder: new BulkFolder(join(directory, 'bulk')) });
}

/** No folder can be made below a file. */
function unixWithoutBulk(options?: TransportOptions): Transport {
  return unixTransport({ ...options, memory, folder: new BulkFolder(join('/dev/null', 'bulk')) });
}

function tcpWithoutKeys(options?: TransportOptions): Transport {
  return zeromqTransport({ ...options, insecureLoopback: true });
}

/** Listens as a controller, connects as a client. */
function tcpWithKeys(options?: TransportOptions): Transport {
  const [controller, client] = [keys.controller, keys.client].map((credentials) =>
    zeromqTransport({ ...options, credentials }),
  ) as [Transport, Transport];
  return {
    listen: (endpoint, handlers) => controller.listen(endpoint, handlers, 'roster'),
    connect: (endpoint, handlers) => client.connect(endpoint, handlers, 'roster'),
  };
}

/** A listener and a way to connect; everything is closed afterwards. */
async function withPeers(
  kind: Kind,
  handlers: LinkHandlers,
  run: (connect: (h: LinkHandlers) => Link, listener: Listener) => Promise<void>,
  options: TransportOptions = {},
): Promise<void> {
  const transport = kind.make(options);
  const listener = await transport.listen(kind.endpoint(), handlers);
  const links: Link[] = [];
  const connect = (h: LinkHandlers): Link => {
    const link = transport.connect(listener.endpoint, h);
    links.push(link);
    return link;
  };
  try {
    await run(connect, listener);
  } finally {
    await Promise.all(links.map((link) => link.close()));
    await listener.close();
  }
}

for (const kind of kinds) {
  test(`${kind.name}: small and large round trips, in order`, () =>
    withPeers(kind, echo, async (connect) => {
      const box = new Mailbox();
      const link = connect(box);
      const sizes = [1, 0, 200, 70_000, 5, 10_000_000, 3, 65_536, 65_537, 16_384, 5_000_001, 1];
      const sent = sizes.map((bytes, i) => [Buffer.from(`header ${i}`), pattern(bytes, i)]);
      await Promise.all(sent.map((parts) => link.send(parts)));
      const got = await box.until(sizes.length);
      for (const [i, parts] of got.entries())
        assert.ok(sameParts(parts, sent[i] ?? []), `message ${i}: ${sizes[i]} bytes`);
    }));

  test(`${kind.name}: parts of 0 bytes, no parts, one part, 2000 parts`, () =>
    withPeers(kind, echo, async (connect) => {
      const box = new Mailbox();
      const link = connect(box);
      const many = Array.from({ length: 2000 }, (_, i) => pattern(i % 7 === 0 ? 0 : i, i));
      const sent = [[], [Buffer.alloc(0)], [pattern(3)], [Buffer.alloc(0), pattern(100_000), Buffer.alloc(0)], many];
      for (const parts of sent) void link.send(parts);
      const got = await box.until(sent.length);
      for (const [i, parts] of got.entries()) assert.ok(sameParts(parts, sent[i] ?? []), `message ${i}`);
      for (const part of got.flat()) assert.is(part.byteOffset % 8, 0);
    }));

  test(`${kind.name}: 20,000 small messages`, () =>
    withPeers(kind, echo, async (connect) => {
      const box = new Mailbox();
      const link = connect(box);
      for (let i = 0; i < 20_000; i++) void link.send([Buffer.from(`message ${i}`), Buffer.alloc(i % 300, i)]);
      const got = await box.until(20_000);
      got.forEach((parts, i) => {
        if (String(parts[0]) !== `message ${i}` || parts[1]?.length !== i % 300) assert.unreachable(`message ${i}`);
      });
    }));

  test(`${kind.name}: 64 MB both ways at once`, async () => {
    const server = new Mailbox();
    await withPeers(kind, server, async (connect) => {
      const client = new Mailbox();
      const link = connect(client);
      await link.send([Buffer.from('hello')]);
      await server.until(1);
      const big = pattern(64_000_000);
      await Promise.all([link.send([big]), server.links[0]?.send([big])]);
      await Promise.all([server.until(2), client.until(1)]);
      assert.is(Buffer.compare(server.messages[1]?.[0] as Uint8Array, big), 0);
      assert.is(Buffer.compare(client.messages[0]?.[0] as Uint8Array, big), 0);
      assert.is(link.pendingBytes, 0);
    });
  });

  test(`${kind.name}: the buffer is free once the promise settles`, () =>
    withPeers(kind, echo, async (connect) => {
      const box = new Mailbox();
      const link = connect(box);
      const data = pattern(20_000_000);
      const before = Buffer.from(data);
      await link.send([data]);
      data.fill(0);
      await box.until(1);
      assert.is(Buffer.compare(box.messages[0]?.[0] as Uint8Array, before), 0);
    }));

  test(`${kind.name}: many clients, a large and many small messages each`, () =>
    withPeers(kind, echo, async (connect) => {
      const boxes = Array.from({ length: 20 }, () => new Mailbox());
      boxes.forEach((box, i) => {
        const link = connect(box);
        for (let k = 0; k < 50; k++) void link.send([Buffer.from(`${i}/${k}`)]);
        void link.send([pattern(1_000_000, i)]);
      });
      await Promise.all(boxes.map((box) => box.until(51)));
      boxes.forEach((box, i) => {
        assert.is(String(box.messages[49]?.[0]), `${i}/49`);
        assert.is(Buffer.compare(box.messages[50]?.[0] as Uint8Array, pattern(1_000_000, i)), 0);
      });
    }));

  test(`${kind.name}: messages queue until there is a listener`, async () => {
    const transport = kind.make();
    const first = await transport.listen(kind.endpoint(), echo);
    await first.close();
    const box = new Mailbox();
    const link = transport.connect(first.endpoint, box);
    void link.send([Buffer.from('early')]);
    // An attempt that began after the link's own has been refused.
    while ((await transport.refuses?.(first.endpoint)) === false);
    const second = await transport.listen(first.endpoint, echo);
    assert.is(String((await box.until(1))[0]?.[0]), 'early');
    await link.close();
    await second.close();
  });

  test(`${kind.name}: a listener that closes in mid transfer rejects and is down once`, async () => {
    const server = new Mailbox();
    await withPeers(kind, server, async (connect, listener) => {
      const client = new Mailbox();
      const link = connect(client);
      await link.send([Buffer.from('hello')]);
      await server.until(1);
      const sent = link.send([Buffer.alloc(400_000_000)]);
      if (kind.name !== 'memory') await waitFor(() => link.pendingBytes < 400_000_000, 'the transfer to begin');
      await listener.close();
      await rejects(() => sent, ConnectionError);
      await waitFor(() => client.downs.length > 0, 'onDown');
      await rejects(() => link.send([Buffer.alloc(1)]), ConnectionError);
      // Whatever was on its way has been told when another link has come about, and has said goodbye.
      await withPeers(kind, echo, async (again) => {
        const other = new Mailbox();
        await again(other).send([Buffer.from('later')]);
        await other.until(1);
      });
      assert.is(client.downs.length, 1);
      assert.is(server.downs.length, 0);
    });
  });

  test(`${kind.name}: a client that closes in mid transfer is down at the listener`, async () => {
    const server = new Mailbox();
    await withPeers(kind, server, async (connect) => {
      const link = connect(new Mailbox());
      await link.send([Buffer.from('hello')]);
      await server.until(1);
      const sent = link.send([Buffer.alloc(400_000_000)]);
      const back = server.links[0]?.send([Buffer.alloc(400_000_000)]) as Promise<void>;
      if (kind.name !== 'memory') await waitFor(() => link.pendingBytes < 400_000_000, 'the transfer to begin');
      await Promise.all([link.close(), link.close()]);
      await rejects(() => sent, ConnectionError, /closed/);
      await rejects(() => back, ConnectionError);
      await waitFor(() => server.downs.length === 1, 'onDown of the listener');
      assert.is(server.messages.length, 1);
    });
  });
}

test('a listener is closed twice without harm, and frees its address', async () => {
  for (const kind of kinds) {
    const transport = kind.make();
    const first = await transport.listen(kind.endpoint(), echo);
    await Promise.all([first.close(), first.close()]);
    const again = await transport.listen(first.endpoint, echo);
    await again.close();
  }
});

test('unix: the socket file is for its owner, and nothing is overwritten', async () => {
  const transport = clusterTransport();
  const path = join(directory, 'mode');
  const listener = await transport.listen(`unix://${path}`, echo);
  assert.is((await stat(path)).mode & 0o777, 0o600);
  await rejects(() => transport.listen(`unix://${path}`, echo), ConnectionError, /in the way/);
  assert.is(await transport.refuses?.(listener.endpoint), false);
  await listener.close();
  assert.is(await transport.refuses?.(listener.endpoint), true);
  const file = join(directory, 'in-the-way');
  await writeFile(file, 'precious');
  await rejects(() => transport.listen(`unix://${file}`, echo), ConnectionError, /in the way/);
});

test('addresses that may not be used', async () => {
  const transport = clusterTransport();
  const bad: [string, RegExp][] = [
    [`unix:///tmp/${'x'.repeat(103)}`, /108 bytes is too long/],
    ['unix://relative', /absolute path/],
    ['unix://@abstract', /absolute path/],
    ['unix://*', /absolute path/],
    ['ipc:///tmp/zeromq', /neither unix/],
    ['ipc://*', /neither unix/],
    ['inproc://name', /neither unix/],
    ['tcp://0.0.0.0:1234', /means every network/],
    ['tcp://*:1234', /wants an IP address/],
    ['tcp://192.168.1.2:1234', /reaches beyond this machine, and there are no keys/],
    ['tcp://127.0.0.1:1234', /is open to every user of this machine, and there are no keys/],
    ['tcp://127.0.0.1:99999', /wants tcp/],
    ['tcp://127.0.0.1', /wants tcp/],
    ['http://127.0.0.1:80', /neither unix/],
  ];
  for (const [endpoint, message] of bad) {
    await rejects(() => transport.listen(endpoint, echo), ConnectionError, message);
    throws(() => transport.connect(endpoint, echo), ConnectionError, message);
  }
});

test('tcp: an address in use is refused', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await rejects(() => tcpWithoutKeys().listen(`tcp://127.0.0.1:${port}`, echo), ConnectionError, /cannot bind/);
  server.close();
});

test.run();
