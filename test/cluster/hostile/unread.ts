// Parties that are let in, ask for ever, and never read the answers: what waits for them has a bound.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { Batch } from '../../../src/comm/batch.ts';
import { COUNTED } from '../../../src/comm/packet.ts';
import { prefixed } from '../../../src/comm/unix/framing.ts';
import { encodeMessage } from '../../../src/protocol/header-codec.ts';
import type { Header } from '../../../src/protocol/messages.ts';
import { type Rig, startRig, until } from '../../support/cluster.ts';
import { live } from '../../support/faults/held.ts';
import { suite } from '../../support/suite.ts';

const test = suite('hostile/unread');
const MIB = 2 ** 20;
let rig: Rig;
test.before(async () => {
  rig = await startRig(1);
});
test.after(() => rig.stop());

/** Sends this header `count` times, past the library, and reads nothing. Resolves when all of it has been taken. */
async function ask(endpoint: string, header: Uint8Array, count: number): Promise<Socket> {
  const socket = connect(endpoint.replace('unix://', '')).pause();
  await once(socket, 'connect');
  const perPacket = Math.floor(200_000 / header.byteLength);
  for (let [sent, sequence] = [0, 0]; sent < count; sent += perPacket, sequence++) {
    const batch = new Batch(256 * 1024);
    for (let n = 0; n < perPacket; n++) batch.message([header], header.byteLength);
    if (!socket.write(prefixed(batch.seal(COUNTED, sequence, 0), 0))) await once(socket, 'drain');
  }
  return socket;
}

const bytesOf = (header: Header): Uint8Array => encodeMessage(header)[0] as Uint8Array;
const resident = async (): Promise<number> => (await rig.rc.status(0)).get(0)?.rss ?? 0;

test('messages that cannot be read: the engine does not keep what it would say of each', async () => {
  const before = await rig.e0.apply(live);
  const bad = Buffer.from(JSON.stringify({ v: 1, type: 'task', id: 'c:1', to: 'u', method: 'm'.repeat(1500) }));
  const socket = await ask(rig.rc.engine(0)?.tasks as string, bad, 40_000);
  assert.is(await rig.e0.apply(() => 5), 5);
  const grown = ((await rig.e0.apply(live)) - before) / MIB;
  socket.destroy();
  assert.ok(grown < 40, `${grown} MiB wait for 60 MB of complaints`);
});

test('requests to the control thread: it answers others, and keeps 64 MiB of answers at most', async () => {
  // A status tells the ids of the newest 4096 results.
  await Promise.all(Array.from({ length: 4096 }, () => rig.e0.apply(() => 1)));
  const { uuid, control } = rig.rc.engine(0) as { uuid: string; control: string };
  const before = await resident();
  const socket = await ask(control, bytesOf({ type: 'status', id: 1, to: uuid }), 2500);
  const grown = ((await resident()) - before) / MIB;
  socket.destroy();
  assert.ok(grown < 220, `${grown} MiB for 430 MB of answers`);
});

test('hellos to the controller: it sends a roster for each, up to 16 MiB of them', async () => {
  const before = live();
  const socket = await ask(rig.cluster.info.controller, bytesOf({ type: 'hello', client: 'nickname' }), 100_000);
  const other = await rig.cluster.connect();
  assert.equal(other.ids, [0]);
  const grown = (live() - before) / MIB;
  socket.destroy();
  assert.ok(grown < 40, `${grown} MiB wait for 100,000 rosters`);
  await until('the client to be there', () => other.ids.length === 1);
  await other.close();
});

test.run();
