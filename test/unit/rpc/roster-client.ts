// The roster client over the in-process transport, against a controller whose every word the test says.
import * as assert from 'uvu/assert';
import { memoryTransport } from '../../../src/comm/memory.ts';
import type { Listener, Transport } from '../../../src/comm/transport.ts';
import { AbortError, ClusterError, ConnectionError, TimeoutError } from '../../../src/errors.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import type { RosterInbound, RosterOutbound } from '../../../src/protocol/messages/roster.ts';
import { type Channel, listenChannels } from '../../../src/rpc/channel.ts';
import { ROSTER } from '../../../src/rpc/conversations.ts';
import { RosterClient, type RosterClientEvent } from '../../../src/rpc/roster-client.ts';
import { rejects } from '../../support/assert.ts';
import { waitFor } from '../../support/links.ts';
import { suite } from '../../support/suite.ts';

const test = suite('roster client');
const transport = memoryTransport();

const device = { adapter: '', driver: '', software: false, gpuMode: 'cpu', tfBackend: 'cpu', matmul: 'reference' };
const record = (id: number, uuid: string): EngineRecord => ({
  id,
  uuid,
  pid: 100 + id,
  host: 'h',
  tasks: `memory://${uuid}.tasks`,
  control: `memory://${uuid}.control`,
  peers: `memory://${uuid}.peers`,
  device: { kind: 'cpu', ...device, threads: 1, limits: {}, features: [], versions: {} },
});
const [A, B] = [record(0, 'a'), record(1, 'b')];

class Scene {
  readonly heard: RosterInbound[];
  readonly events: string[] = [];
  readonly client: RosterClient;
  readonly #listener: Listener;
  readonly #peer: Promise<Channel<RosterOutbound>>;

  private constructor(listener: Listener, peer: Promise<Channel<RosterOutbound>>, heard: RosterInbound[]) {
    this.#listener = listener;
    this.#peer = peer;
    this.heard = heard;
    this.client = new RosterClient(transport, listener.endpoint, 'c');
    this.client.on((event) => this.events.push(short(event)));
  }

  static async open(): Promise<Scene> {
    const heard: RosterInbound[] = [];
    let came: (channel: Channel<RosterOutbound>) => void = () => {};
    const peer = new Promise<Channel<RosterOutbound>>((resolve) => {
      came = resolve;
    });
    const message = (what: RosterInbound, _: unknown, channel: Channel<RosterOutbound>) => {
      heard.push(what);
      came(channel);
    };
    const listener = await listenChannels({ transport, endpoint: 'memory://*', conversation: ROSTER }, { message });
    return new Scene(listener, peer, heard);
  }

  async say(...messages: RosterOutbound[]): Promise<void> {
    for (const message of messages) void (await this.#peer).send(message);
  }

  /** Breaks the link, as a controller does that dies. */
  async hangUp(): Promise<void> {
    await (await this.#peer).close();
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.#listener.close();
  }
}

function short(event: RosterClientEvent): string {
  if (event.type === 'engine-up') return `+${event.engine.uuid}`;
  if (event.type === 'engine-error') return event.text;
  if (event.type === 'engine-draining') return `draining ${event.uuid}`;
  return event.type === 'engine-down' ? `-${event.uuid} ${event.reason}` : `lost: ${event.reason}`;
}

async function withScene(run: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = await Scene.open();
  try {
    await run(scene);
  } finally {
    await scene.close();
  }
}

test('says hello, and is not ready before the first roster', () =>
  withScene(async ({ client, heard }) => {
    assert.equal(client.engines, []);
    await waitFor(() => heard.length > 0, 'hello');
    assert.equal(heard, [{ type: 'hello', client: 'c' }]);
    await rejects(
      () => client.ready({ timeout: 20 }),
      TimeoutError,
      /^waited 20 ms in vain for the roster of the controller at memory:\/\/\d+$/,
    );
  }));

test('ready gives the engines; later ones come as events', () =>
  withScene(async (scene) => {
    await scene.say({ type: 'roster', engines: [A], version: 4 });
    assert.equal(await scene.client.ready({}), [A]);
    assert.is(scene.client.version, 4);
    await scene.say({ type: 'engine-up', engine: B, version: 5 });
    await scene.say({ type: 'engine-down', id: 0, uuid: 'a', reason: 'was shut down', version: 6 });
    await waitFor(() => scene.client.version === 6, 'both events');
    assert.equal(scene.events, ['+a', '+b', '-a was shut down']);
    assert.equal(scene.client.engines, [B]);
  }));

test('a listener that was taken off is told nothing more', () =>
  withScene(async (scene) => {
    const told: string[] = [];
    const off = scene.client.on((event) => told.push(short(event)));
    await scene.say({ type: 'roster', engines: [A] });
    await scene.client.ready({});
    off();
    await scene.say({ type: 'engine-up', engine: B });
    await scene.client.until((engines) => engines.length === 2, {}, 'two engines');
    assert.equal(told, ['+a']);
  }));

test('until: now, or after the change that makes it so', () =>
  withScene(async (scene) => {
    const two = scene.client.until((engines) => engines.length === 2, {}, 'two engines');
    const none = scene.client.until((engines) => engines.length === 0, { timeout: 20 }, 'no engines');
    await rejects(() => none, TimeoutError, /^waited 20 ms in vain for no engines$/);
    await scene.say({ type: 'roster', engines: [A] });
    assert.equal(await scene.client.until((engines) => engines.length === 1, {}, 'one engine'), [A]);
    await scene.say({ type: 'engine-up', engine: B });
    assert.equal(await two, [A, B]);
  }));

test('until: listeners are told before those who wait', () =>
  withScene(async (scene) => {
    await scene.say({ type: 'roster', engines: [A] });
    await scene.client.until((engines) => engines.length === 1, {}, 'one engine');
    assert.equal(scene.events, ['+a']);
  }));

test('until: a time limit and a signal end the wait, not the client', () =>
  withScene(async (scene) => {
    await scene.say({ type: 'roster', engines: [] });
    await scene.client.ready({});
    const some = (limits: object) => scene.client.until((engines) => engines.length > 0, limits, '1 engine');
    await rejects(() => some({ timeout: 10 }), TimeoutError, /^waited 10 ms in vain for 1 engine$/);
    await rejects(() => some({ signal: AbortSignal.abort() }), AbortError, /1 engine/);
    const wait = some({ timeout: 60_000 });
    await scene.say({ type: 'engine-up', engine: A });
    assert.equal(await wait, [A]);
  }));

test('ask: done, or the launcher’s reason; answers find those who asked', () =>
  withScene(async (scene) => {
    const { client, heard } = scene;
    const [stop, add] = [client.ask({ do: 'stop' }), client.ask({ do: 'add', n: 2 })];
    await waitFor(() => heard.length === 3, 'both requests');
    assert.equal(heard.slice(1), [
      { type: 'cluster', request: 1, verb: { do: 'stop' } },
      { type: 'cluster', request: 2, verb: { do: 'add', n: 2 } },
    ]);
    await scene.say({ type: 'cluster-reply', request: 2, error: 'no room' }, { type: 'cluster-reply', request: 1 });
    await rejects(() => add, ClusterError, /^no room$/);
    assert.is(await stop, undefined);
  }));

test('ask: silence ends in a TimeoutError that names the request', () =>
  withScene(async ({ client }) => {
    await rejects(() => client.ask({ do: 'stop' }, 20), TimeoutError, /did not answer 'stop' within 20 ms/);
  }));

for (const [how, lose, reason] of [
  ['the controller stops', (scene: Scene) => scene.say({ type: 'stopping' }), /^the cluster is stopping$/],
  ['the link breaks', (scene: Scene) => scene.hangUp(), /^the connection to the controller was lost: /],
] as const) {
  test(`${how}: everything that waits fails, now and later, and the loss is told once`, () =>
    withScene(async (scene) => {
      const { client, events, heard } = scene;
      await scene.say({ type: 'roster', engines: [A] });
      await client.ready({});
      const waits = [client.ask({ do: 'stop' }), client.until(() => false, {}, 'nothing')];
      const failures = waits.map((wait) => rejects(() => wait, ConnectionError, reason));
      await waitFor(() => heard.length === 2, 'the request');
      await lose(scene);
      await Promise.all(failures);
      await rejects(() => client.ask({ do: 'stop' }), ConnectionError, reason);
      await rejects(() => client.until(() => false, {}, 'nothing'), ConnectionError, reason);
      await scene.hangUp();
      // Another link comes about: by then all that was on its way has been told.
      await withScene(async (other) => {
        await other.say({ type: 'roster', engines: [B] });
        await other.client.ready({});
      });
      assert.equal(client.engines, [A], 'the engines may live on');
      assert.is(events.filter((event) => event.startsWith('lost')).length, 1);
    }));
}

test('closing fails what waits, and is no loss', () =>
  withScene(async ({ client, events }) => {
    const wait = rejects(() => client.ready({}), ConnectionError, /was closed$/);
    await client.close();
    await wait;
    await client.close();
    assert.equal(events, []);
  }));

test('a controller of another version is told at once', async () => {
  const listener = await transport.listen('memory://*', {
    onMessage: (_, link) => void link.send([Buffer.from('{"v":99,"type":"roster","engines":[]}')]),
  });
  const client = new RosterClient(transport, listener.endpoint, 'c');
  await rejects(() => client.ready({ timeout: 5000 }), ConnectionError, /protocol versions differ: the peer speaks 99/);
  await client.close();
  await listener.close();
});

test('a link that cannot be opened for now is opened later; what is asked meanwhile is refused with the reason', async () => {
  let failures = 0;
  let cut = () => {};
  const heard: RosterInbound[] = [];
  const message = (what: RosterInbound) => heard.push(what);
  const listener = await listenChannels({ transport, endpoint: 'memory://*', conversation: ROSTER }, { message });
  const scarce: Transport = {
    ...transport,
    connect: (endpoint, handlers, socket) => {
      if (failures-- > 0) throw new ConnectionError('a link needs 16 descriptors');
      const link = transport.connect(endpoint, handlers, socket);
      cut = () => handlers.onDown?.(link, new ConnectionError('it was cut'));
      return link;
    },
  };
  const client = new RosterClient(scarce, listener.endpoint, 'c');
  await waitFor(() => heard.length === 1, 'hello');
  failures = 3;
  cut();
  await rejects(() => client.ask({ do: 'stop' }), ConnectionError, /16 descriptors/);
  await waitFor(() => heard.length === 2, 'the second hello');
  assert.ok(failures < 0, 'it tried until it could');
  assert.equal(
    heard.map(({ type }) => type),
    ['hello', 'hello'],
  );
  await client.close();
  await listener.close();
});

test.run();
