// Peers that say nothing, stop in the middle, or send too much: they are noticed and dropped, on real sockets. Each wait
// is for an event; the limits are only for a library that never notices.
import { connect as netConnect } from 'node:net';
import * as assert from 'uvu/assert';
import { Dealer, type Observer, Socket } from 'zeromq';
import type { Listener } from '../../../src/comm/transport.ts';
import { zeromqTransport } from '../../../src/comm/zeromq.ts';
import { ChaosTransport } from '../../support/chaos/chaos-proxy.ts';
import { echo, Mailbox, waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('liveness');
const transport = new ChaosTransport(zeromqTransport({ insecureLoopback: true }));
const listeners: Listener[] = [];

test.before(async () => {
  for (let n = 0; n < 2; n++) listeners.push(await transport.listen('tcp://127.0.0.1:*', echo));
});
test.after(async () => {
  await transport.close();
  for (const listener of listeners) await listener.close();
});

/** Fails naming what did not happen within `limit` ms. */
async function within<T>(limit: number, what: string, event: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limit} ms: ${what}`)), limit);
  });
  return Promise.race([event, late]).finally(() => clearTimeout(timer));
}

function open(endpoint: string) {
  // Without a reader its end would not be seen.
  return netConnect(Number(endpoint.split(':').at(-1)), '127.0.0.1')
    .on('error', () => {})
    .resume();
}

const GREETING = Buffer.concat([
  Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 0x4e, 0x55, 0x4c, 0x4c]),
  Buffer.alloc(48),
]);
const SILENT: Record<string, Buffer> = {
  nothing: Buffer.alloc(0),
  'half a greeting': GREETING.subarray(0, 11),
  'a greeting': GREETING,
};

// A first byte other than 0xff means ZMTP 1.0, which has no handshake that could take too long.
test('connections that never shake hands are closed by the listener', () => {
  const cases = listeners.flatMap(({ endpoint }) =>
    Object.entries(SILENT).map(([what, bytes]) => ({ endpoint, what, bytes })),
  );
  return Promise.all(
    cases.map(async ({ endpoint, what, bytes }) => {
      const socket = open(endpoint);
      if (bytes.length > 0) socket.write(bytes);
      // Not `once` of node:events: it rejects where the listener resets the connection.
      await within(
        15_000,
        `the end of ${what} at ${endpoint}`,
        new Promise((resolve) => socket.once('close', resolve)),
      );
    }),
  );
});

async function heldLinkIsLost(endpoint: string, direction: 'up' | 'down'): Promise<void> {
  const box = new Mailbox();
  const link = transport.connect(endpoint, box);
  void link.send([Buffer.from('hello')]);
  await box.until(1);
  transport.at(endpoint)[direction].set({ isHeld: true });
  await within(
    20_000,
    `the loss of a link held ${direction}`,
    waitFor(() => box.downs.length > 0, 'the loss'),
  );
  transport.at(endpoint).mend();
  await link.close();
}

test('a peer that is not heard any more is lost, by heartbeats alone, whichever way is dead', async () => {
  const [first, second] = listeners as [Listener, Listener];
  await Promise.all([heldLinkIsLost(first.endpoint, 'up'), heldLinkIsLost(second.endpoint, 'down')]);
});

test('nothing leaves a link before somebody listens', async () => {
  const gone = await transport.listen('tcp://127.0.0.1:*', echo);
  await gone.close();
  const link = zeromqTransport({ insecureLoopback: true }).connect(gone.endpoint, new Mailbox());
  const part = Buffer.alloc(60_000);
  for (let n = 0; n < 40; n++) void link.send([part]);
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  assert.ok(link.pendingBytes > 30 * part.length, `${link.pendingBytes} bytes wait`);
  await link.close();
});

/** As libzmq does under load: the monitor of no DEALER tells of a disconnect, until the returned function is called. */
function withoutDisconnects(): () => void {
  const get = function (this: Dealer) {
    const real = Reflect.get(Socket.prototype, 'events', this) as Observer;
    const receive = async () => {
      for (;;) {
        const event = await real.receive();
        if (event.type !== 'disconnect') return event;
      }
    };
    return { receive, close: () => real.close(), closed: false };
  };
  Object.defineProperty(Dealer.prototype, 'events', { configurable: true, get });
  return () => void Reflect.deleteProperty(Dealer.prototype, 'events');
}

test('a link that is connected a second time was lost, also where nothing has told of the end', async () => {
  const restore = withoutDisconnects();
  try {
    const { endpoint } = listeners[0] as Listener;
    const box = new Mailbox();
    const link = transport.connect(endpoint, box);
    void link.send([Buffer.from('hello')]);
    await box.until(1);
    transport.at(endpoint).cut();
    await within(
      20_000,
      'the loss of a link that was cut',
      waitFor(() => box.downs.length > 0, 'the loss'),
    );
    assert.match((box.downs[0] as Error).message, /^the connection to tcp:.* was lost$/);
    await link.close();
  } finally {
    restore();
  }
});

test.run();
