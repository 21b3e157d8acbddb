// Engine to engine: mailboxes over real sockets between two real engines, and what fails when a peer is missing.
import * as assert from 'uvu/assert';
import { tensor } from '../../../src/tensor/convert.ts';
import { spawnEngine, TestClient, TestController } from '../../support/engine-process.ts';
import { suite } from '../../support/suite.ts';

const test = suite('peers');
interface Peer {
  readonly rank: number;
  readonly size: number;
  send(rank: number, tag: string, value: unknown): Promise<void>;
  recv(rank: number, tag: string, options?: { timeout: number }): Promise<unknown>;
}
declare const engine: Peer;

const controller = await new TestController().listen();
const engines = ['one', 'two'].map((name) => spawnEngine(controller, name));
let clients: TestClient[] = [];

test.before(async () => {
  const records = await controller.waitFor(2);
  clients = records.map((record) => new TestClient(record));
});
test.after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  for (const { child } of engines) child.stdin?.end();
  await Promise.all(engines.map(({ exit }) => exit));
  await controller.close();
});

const [first, second] = [() => clients[0]!, () => clients[1]!];

test('engines know rank and size', async () => {
  // The client has seen a roster of version 2: so has the engine when it runs the task.
  const fn = () => [engine.rank, engine.size];
  const seen = await Promise.all(clients.map((client) => client.run('apply', { fn, args: [] }, { roster: 2 })));
  assert.equal(
    seen.map((s) => s.value),
    [
      [0, 2],
      [1, 2],
    ],
  );
});

test('running tasks exchange tensors, large and small, in order', async () => {
  const swap = async (mine: unknown) => {
    const other = 1 - engine.rank;
    await engine.send(other, 'block', mine);
    await engine.send(other, 'block', engine.rank);
    return [await engine.recv(other, 'block'), await engine.recv(other, 'block')];
  };
  const large = tensor(new Float32Array(1 << 20).fill(2));
  const [a, b] = await Promise.all([first().apply(swap, 'small'), second().apply(swap, large)]);
  assert.equal(b.value, ['small', 0]);
  assert.equal((a.value as [{ size: number }, number])[0].size, 1 << 20);
  assert.is((a.value as unknown[])[1], 1);
});

test('an engine can send to itself', async () => {
  const self = async () => {
    await engine.send(0, 'me', 5);
    return engine.recv(0, 'me');
  };
  assert.is((await first().apply(self)).value, 5);
});

test('a wait that is over says who waited for whom', async () => {
  const { reply } = await first().apply(() => engine.recv(1, 'never', { timeout: 30 }));
  assert.is(reply.error?.name, 'PeerError');
  assert.is(reply.error?.message, "engine 0 waited for 'never' from engine 1 (rank 1): nothing came in 30 ms");
  assert.match(
    (await first().apply(() => engine.send(7, 'x', 1))).reply.error?.message ?? '',
    /knows no rank 7: there are 2/,
  );
});

test.run();
