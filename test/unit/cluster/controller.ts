// The controller over the in-process transport: what engines and clients hear. No process is started.
import { hostname } from 'node:os';
import * as assert from 'uvu/assert';
import { Controller, type ControllerOptions } from '../../../src/cluster/controller.ts';
import { memoryTransport } from '../../../src/comm/memory.ts';
import type { Link, Transport } from '../../../src/comm/transport.ts';
import { decodeHeader, encodeMessage } from '../../../src/protocol/header-codec.ts';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import type { RegistryInbound, RosterInbound, RosterOutbound } from '../../../src/protocol/messages/roster.ts';
import { until } from '../../fixtures/cluster-lab.ts';
import { suite } from '../../support/suite.ts';

const test = suite('controller');
const STOP = { do: 'stop' } as const;

/** A party on the wire: sends, and keeps what it hears. */
class Party {
  readonly heard: RosterOutbound[] = [];
  readonly #transport: Transport;
  readonly #controller: Controller;
  #link: Link | undefined;

  constructor(transport: Transport, controller: Controller) {
    this.#transport = transport;
    this.#controller = controller;
  }

  /** To the clients' socket, unless an engine's message came first. */
  get link(): Link {
    return this.#open(this.#controller.endpoint);
  }

  #open(endpoint: string): Link {
    this.#link ??= this.#transport.connect(endpoint, {
      onMessage: (parts) => this.heard.push(decodeHeader(parts) as RosterOutbound),
    });
    return this.#link;
  }

  say(message: RosterInbound | RegistryInbound): this {
    const isClient = message.type === 'hello' || message.type === 'cluster';
    const link = this.#open(isClient ? this.#controller.endpoint : this.#controller.registry);
    void link.send(encodeMessage(message));
    return this;
  }

  types(): string[] {
    return this.heard.map((message) => message.type);
  }

  hears(type: RosterOutbound['type'], count = 1): Promise<void> {
    return until(`${count} ${type}`, () => this.types().filter((one) => one === type).length >= count, 5000);
  }
}

function engine(uuid: string): Omit<EngineRecord, 'id'> {
  const device = { kind: 'cpu', adapter: '', driver: '', software: false, gpuMode: 'cpu', tfBackend: 'cpu' } as const;
  const rest = { matmul: 'reference', threads: 1, limits: {}, features: [], versions: {} };
  const ends = {
    tasks: `memory://${uuid}.tasks`,
    control: `memory://${uuid}.control`,
    peers: `memory://${uuid}.peers`,
  };
  return { uuid, pid: 1, host: 'h', ...ends, device: { ...device, ...rest } };
}

let next = 0;
async function withController(
  options: Partial<ControllerOptions>,
  run: (party: () => Party, controller: Controller) => Promise<void>,
): Promise<void> {
  const transport = memoryTransport();
  const endpoint = `memory://controller-${next++}`;
  const controller = await Controller.listen({ transport, endpoint, registry: `${endpoint}.registry`, ...options });
  const parties: Party[] = [];
  const party = () => {
    parties.push(new Party(transport, controller));
    return parties.at(-1)!;
  };
  try {
    await run(party, controller);
  } finally {
    await Promise.all(parties.map((one) => one.link.close()));
    await controller.close();
  }
}

test('an engine hears its id and the roster; a client hears it come and go', () =>
  withController({}, async (party, controller) => {
    const client = party().say({ type: 'hello', client: 'c' });
    await client.hears('roster');
    const e = party().say({ type: 'register', engine: engine('a') });
    await e.hears('roster');
    assert.equal(e.heard[0], { type: 'registered', id: 0 });
    await client.hears('engine-up');
    controller.down(0, 'was killed by SIGKILL');
    await client.hears('engine-down');
    const reason = 'was killed by SIGKILL';
    assert.equal(client.heard.at(-1), { type: 'engine-down', id: 0, uuid: 'a', reason, version: 2 });
    assert.equal(client.types(), ['roster', 'engine-up', 'engine-down']);
  }));

test('engines hear of each other: they need the addresses of their peers', () =>
  withController({}, async (party) => {
    const a = party().say({ type: 'register', engine: engine('a') });
    await a.hears('roster');
    const b = party().say({ type: 'register', engine: engine('b') });
    await a.hears('engine-up');
    await b.hears('roster');
    assert.equal(a.types(), ['registered', 'roster', 'engine-up'], 'not of itself');
    const roster = b.heard.find((message) => message.type === 'roster');
    assert.equal(roster?.type === 'roster' && roster.engines.map((one) => one.uuid), ['a', 'b']);
  }));

test('a heartbeat is answered; of an incarnation that is over, with the order to end', () =>
  withController({}, async (party, controller) => {
    const e = party().say({ type: 'register', engine: engine('a') });
    await e.hears('roster');
    e.say({ type: 'heartbeat', uuid: 'a' });
    await e.hears('registered', 2);
    controller.down(0, 'did not answer for 15000 ms');
    e.say({ type: 'heartbeat', uuid: 'a' });
    await e.hears('stopping');
    const again = party().say({ type: 'register', engine: engine('a'), slot: 0 });
    await again.hears('stopping');
    assert.equal(again.types(), ['stopping']);
  }));

test('an engine without a launcher here leaves with its goodbye, or with its link', () =>
  withController({}, async (party) => {
    const client = party().say({ type: 'hello', client: 'c' });
    party()
      .say({ type: 'register', engine: engine('a') })
      .say({ type: 'unregister', uuid: 'a' });
    await client.hears('engine-down');
    const b = party().say({ type: 'register', engine: engine('b') });
    await b.hears('roster');
    await b.link.close();
    await client.hears('engine-down', 2);
    const reasons = client.heard.flatMap((m) => (m.type === 'engine-down' ? [m.reason] : []));
    assert.is(reasons[0], 'was shut down');
    assert.match(reasons[1]!, /^lost its connection/);
  }));

test('an engine speaks for itself alone: the heartbeat, the goodbye and a second registration of another one', () =>
  withController({}, async (party, controller) => {
    const client = party().say({ type: 'hello', client: 'c' });
    const a = party().say({ type: 'register', engine: engine('a'), proof: 'known to a alone' });
    const b = party().say({ type: 'register', engine: engine('b'), proof: 'known to b alone' });
    await Promise.all([a.hears('roster'), b.hears('roster')]);
    b.say({ type: 'heartbeat', uuid: 'a' }).say({ type: 'unregister', uuid: 'a' });
    b.say({ type: 'heartbeat', uuid: 'b' });
    await b.hears('registered', 2);
    assert.equal(
      b.heard.flatMap((message) => (message.type === 'registered' ? [message.id] : [])),
      [1, 1],
      'no answer to the heartbeat of a',
    );
    for (const proof of [undefined, 'known to b alone']) {
      const thief = party().say({ type: 'register', engine: { ...engine('a'), tasks: 'memory://thief' }, proof });
      await thief.hears('stopping');
      thief.say({ type: 'unregister', uuid: 'a' });
      await thief.link.close();
    }
    const again = party().say({ type: 'register', engine: engine('a'), proof: 'known to a alone' });
    await again.hears('roster');
    await a.link.close();
    again.say({ type: 'heartbeat', uuid: 'a' });
    await again.hears('registered', 2);
    assert.equal(
      controller.engines.map(({ uuid, tasks }) => [uuid, tasks]),
      [
        ['a', 'memory://a.tasks'],
        ['b', 'memory://b.tasks'],
      ],
    );
    assert.equal(
      client.types().filter((type) => type === 'engine-down'),
      [],
    );
  }));

test('a link speaks for one engine: a second registration over it is refused, and none is left when it breaks', () =>
  withController({}, async (party, controller) => {
    const client = party().say({ type: 'hello', client: 'c' });
    const a = party().say({ type: 'register', engine: engine('a') });
    await a.hears('roster');
    for (const uuid of ['b', 'c']) a.say({ type: 'register', engine: engine(uuid) });
    await a.hears('stopping', 2);
    a.say({ type: 'register', engine: engine('a') });
    await a.hears('registered', 2);
    assert.equal(
      controller.engines.map(({ uuid }) => uuid),
      ['a'],
    );
    await a.link.close();
    await client.hears('engine-down');
    assert.equal(controller.engines, []);
  }));

test('a link speaks for one client: another name over it changes nothing, and the end of the first is told', () => {
  let cut = () => {};
  const inner = memoryTransport();
  const transport: Transport = {
    ...inner,
    listen: (endpoint, handlers) => {
      const onMessage: typeof handlers.onMessage = (parts, link) => {
        handlers.onMessage(parts, link);
        if (parts[0]?.toString().includes('"hello"')) cut = () => handlers.onDown?.(link, new Error('it was cut'));
      };
      return inner.listen(endpoint, { ...handlers, onMessage });
    },
  };
  return withController({ transport, isAlive: () => false }, async (party) => {
    const e = party().say({ type: 'register', engine: engine('a') });
    await e.hears('roster');
    const client = party().say({ type: 'hello', client: 'c', pid: 1, host: hostname() });
    await client.hears('roster');
    client
      .say({ type: 'hello', client: 'd', pid: 1, host: hostname() })
      .say({ type: 'cluster', request: 1, verb: STOP });
    await client.hears('cluster-reply');
    cut();
    await e.hears('client-gone');
    const gone = e.heard.flatMap((message) => (message.type === 'client-gone' ? [message.client] : []));
    assert.equal(gone, ['c']);
  });
});

test('each socket of the controller takes the verbs of its own side', () => {
  const asked: unknown[] = [];
  return withController({ onVerb: async (verb) => void asked.push(verb) }, async (party, controller) => {
    const e = party().say({ type: 'register', engine: engine('a') });
    await e.hears('roster');
    void e.link.send(encodeMessage({ type: 'cluster', request: 1, verb: { do: 'stop' } }));
    void e.link.send(encodeMessage({ type: 'hello', client: 'c' }));
    e.say({ type: 'heartbeat', uuid: 'a' });
    await e.hears('registered', 2);
    assert.equal(e.types(), ['registered', 'roster', 'registered']);
    const client = party().say({ type: 'hello', client: 'c' });
    void client.link.send(encodeMessage({ type: 'register', engine: engine('b') }));
    void client.link.send(encodeMessage({ type: 'unregister', uuid: 'a' }));
    client.say({ type: 'cluster', request: 2, verb: { do: 'add', n: 1 } });
    await client.hears('cluster-reply');
    assert.equal(asked, [{ do: 'add', n: 1 }]);
    assert.equal(client.types(), ['roster', 'cluster-reply']);
    assert.is(controller.engines.length, 1);
  });
});

test('of a watched engine the exit is awaited', () =>
  withController({ isWatched: () => true }, async (party, controller) => {
    const e = party().say({ type: 'register', engine: engine('a') });
    await e.hears('roster');
    e.say({ type: 'unregister', uuid: 'a' }).say({ type: 'heartbeat', uuid: 'a' });
    await e.hears('registered', 2);
    assert.is(controller.engines.length, 1);
  }));

test('what a client asks of the cluster is carried out, its failure told', () => {
  const asked: unknown[] = [];
  const onVerb = async (verb: object) => {
    asked.push(verb);
    if ('ids' in verb) throw new Error('engine 9 is not a running process of this cluster');
  };
  return withController({ onVerb }, async (party) => {
    const client = party().say({ type: 'hello', client: 'c' });
    client.say({ type: 'cluster', request: 1, verb: { do: 'add', n: 2 } });
    client.say({ type: 'cluster', request: 2, verb: { do: 'restart', ids: [9] } });
    await client.hears('cluster-reply', 2);
    assert.equal(client.heard.slice(-2), [
      { type: 'cluster-reply', request: 1 },
      { type: 'cluster-reply', request: 2, error: 'engine 9 is not a running process of this cluster' },
    ]);
    assert.equal(asked, [
      { do: 'add', n: 2 },
      { do: 'restart', ids: [9] },
    ]);
  });
});

test('a controller without a launcher refuses such requests', () =>
  withController({}, async (party) => {
    const client = party().say({ type: 'cluster', request: 1, verb: { do: 'stop' } });
    await client.hears('cluster-reply');
    assert.equal(client.heard, [{ type: 'cluster-reply', request: 1, error: 'this controller has no launcher' }]);
  }));

test('the end is told to all; who registers after it is sent away', () =>
  withController({}, async (party, controller) => {
    const client = party().say({ type: 'hello', client: 'c' });
    await client.hears('roster');
    controller.announceStop();
    controller.announceStop();
    await client.hears('stopping');
    const late = party().say({ type: 'register', engine: engine('a') });
    await late.hears('stopping');
    assert.equal(client.types(), ['roster', 'stopping']);
  }));

test('an engine whose control socket nobody may connect to does not stay', () =>
  withController({}, async (party, controller) => {
    const client = party().say({ type: 'hello', client: 'c' });
    await client.hears('roster');
    party().say({ type: 'register', engine: { ...engine('a'), control: 'tcp://192.0.2.1:80' } });
    await client.hears('engine-down');
    const last = client.heard.at(-1);
    assert.match(last?.type === 'engine-down' ? last.reason : '', /^cannot be reached: /);
    assert.is(controller.engines.length, 0);
  }));

test('bytes that are no message are dropped, and the controller lives', () =>
  withController({}, async (party) => {
    const stranger = party();
    void stranger.link.send([Buffer.from('GET / HTTP/1.1')]);
    void stranger.link.send([Buffer.from('{"v":1,"type":"task"}')]);
    const client = party().say({ type: 'hello', client: 'c' });
    await client.hears('roster');
  }));

test('a party of another version is answered, so that it learns of both versions', () =>
  withController({}, async (party) => {
    const client = party().say({ type: 'hello', client: 'c' });
    await client.hears('roster');
    const stranger = party();
    void stranger.link.send([Buffer.from('{"v":99,"type":"hello","client":"d"}')]);
    await stranger.hears('stopping');
    assert.equal(client.types(), ['roster']);
  }));

test.run();
