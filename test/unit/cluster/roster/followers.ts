// The messages to followers of the roster: pages, changes that share a message, device reports that cross once. The messages
// go through the codec and are folded as a follower does it.
import * as assert from 'uvu/assert';
import { Followers, type Party } from '../../../../src/cluster/roster/followers.ts';
import { type Admission, type Candidate, Roster } from '../../../../src/cluster/roster/roster.ts';
import { decodeHeader } from '../../../../src/protocol/header-codec.ts';
import type { DeviceReport } from '../../../../src/protocol/messages/engine-record.ts';
import type { RosterOutbound } from '../../../../src/protocol/messages/roster.ts';
import { Channel } from '../../../../src/rpc/channel.ts';
import { RosterState } from '../../../../src/rpc/roster-state.ts';
import { until } from '../../../fixtures/cluster-lab.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('followers');

/** A report as large as that of a WebGPU engine. */
function report(adapter: string): DeviceReport {
  const limits = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`maxOfSomeKindOfResource${i}`, 2 ** 31 + i]));
  const features = Array.from({ length: 20 }, (_, i) => `some-optional-feature-${i}`);
  const names = { gpuMode: 'gpu', tfBackend: 'webgpu', matmul: 'tiled', threads: 1, versions: {} };
  return { kind: 'webgpu', adapter, driver: 'd', software: false, limits, features, ...names };
}

function engine(uuid: string, adapter = 'card'): Candidate {
  const ends = { tasks: `unix:///x/${uuid}.t`, control: `unix:///x/${uuid}.c`, peers: `unix:///x/${uuid}.p` };
  return { uuid, pid: 1, host: 'h', ...ends, device: report(adapter) };
}

class Scene {
  readonly roster = new Roster();
  readonly followers = new Followers(this.roster);

  join(uuid: string, adapter?: string, host = 'h'): number {
    const { id, events } = this.roster.register({ ...engine(uuid, adapter), host }) as Admission;
    for (const event of events) this.followers.publish(event);
    return id;
  }

  leave(id: number): void {
    for (const event of this.roster.down(id, 'left')) this.followers.publish(event);
  }
}

/** A follower: the messages that it got, their bytes, and what it makes of them. */
class Follower {
  readonly messages: RosterOutbound[] = [];
  readonly state = new RosterState();
  bytes = 0;
  readonly party: Party;

  constructor() {
    const send = async (parts: readonly Uint8Array[]): Promise<void> => {
      this.bytes += parts[0]?.byteLength ?? 0;
      const message = decodeHeader(parts) as RosterOutbound;
      this.messages.push(message);
      this.state.fold(message);
    };
    this.party = new Channel<RosterOutbound>(
      { send, pendingBytes: 0, drained: async () => {}, close: async () => {} },
      'follower',
    );
  }

  uuids(): string {
    return this.state.engines.map(({ uuid }) => uuid).join();
  }
}

const same = (a: Follower, b: Follower) =>
  assert.equal(
    [...a.state.engines].sort((x, y) => x.id - y.id),
    [...b.state.engines].sort((x, y) => x.id - y.id),
  );

test('a storm of engines costs a follower a few messages, and equal reports cross once', async () => {
  const scene = new Scene();
  const early = new Follower();
  scene.followers.add(early.party, 'client');
  for (let n = 0; n < 1000; n++) scene.join(`e${n}`);
  await until('all engines', () => early.state.engines.length === 1000, 5000);
  assert.ok(early.messages.length < 100, `${early.messages.length} messages`);
  assert.is(early.messages.filter((message) => JSON.stringify(message).includes('some-optional-feature-7')).length, 1);
  const late = new Follower();
  scene.followers.add(late.party, 'client');
  assert.is(late.state.version, early.state.version);
  same(early, late);
  for (const { bytes } of [early, late]) assert.ok(bytes < 400_000, `${bytes} bytes for 1000 engines`);
  assert.is(new Set(late.state.engines.map(({ device }) => device)).size, 1, 'one object');
  scene.followers.close();
});

test('more engines than fit into one message come in pages, and are there when the last one has come', () => {
  const scene = new Scene();
  const host = 'x'.repeat(60_000);
  for (let n = 0; n < 150; n++) scene.join(`e${n}`, undefined, host);
  const follower = new Follower();
  const seen: number[] = [];
  const link = follower.party;
  const { state } = follower;
  scene.followers.add(link, 'engine');
  for (const message of follower.messages) if (message.type === 'roster') seen.push(message.engines.length);
  assert.ok(seen.length > 2, `${seen} rows`);
  assert.is(state.engines.length, 150);
  const partly = new RosterState();
  for (const message of follower.messages.slice(0, -1)) assert.equal(partly.fold(message), []);
  assert.is(partly.engines.length, 0);
  assert.is(partly.fold(follower.messages.at(-1) as RosterOutbound).length, 150);
  // A link that broke amid the pages: the next one begins anew.
  const broken = new RosterState();
  for (const message of [...follower.messages.slice(0, 2), ...follower.messages]) broken.fold(message);
  assert.is(broken.engines.length, 150);
  scene.followers.close();
});

test('an engine that comes alone is told at once; those that follow within a moment share a message', async () => {
  const scene = new Scene();
  const follower = new Follower();
  scene.followers.add(follower.party, 'client');
  scene.join('a');
  assert.is(follower.uuids(), 'a');
  const b = scene.join('b');
  scene.join('c');
  scene.leave(b);
  await until('c', () => follower.uuids() === 'a,c', 5000);
  assert.is(follower.state.version, 4);
  assert.ok(follower.messages.length <= 4, `${follower.messages.length}`);
  scene.followers.close();
});

test('what is told to all comes after the changes before it', () => {
  const scene = new Scene();
  const follower = new Follower();
  scene.followers.add(follower.party, 'client');
  for (const uuid of ['a', 'b', 'c']) scene.join(uuid);
  scene.followers.tell({ type: 'replacement-failed', id: 9, reason: 'no room' });
  assert.is(follower.uuids(), 'a,b,c');
  assert.is(follower.messages.at(-1)?.type, 'replacement-failed');
  scene.followers.close();
});

test('a report that nobody has any more is sent again with the next engine that has it, in every order', () => {
  const scene = new Scene();
  const follower = new Follower();
  scene.followers.add(follower.party, 'client');
  const flush = () => scene.followers.tell({ type: 'replacement-failed', id: 9, reason: '' });
  const adapters = ['x', 'y', 'z'];
  const there: number[] = [];
  let seed = 1;
  const random = (n: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % n;
  };
  for (let step = 0; step < 600; step++) {
    if (there.length > 0 && random(2) === 0) scene.leave(there.splice(random(there.length), 1)[0] as number);
    else there.push(scene.join(`s${step}`, adapters[random(3)] as string));
    if (random(4) === 0) flush();
  }
  flush();
  const late = new Follower();
  scene.followers.add(late.party, 'client');
  same(follower, late);
  assert.equal(late.state.engines, scene.roster.engines);
  scene.followers.close();
});

test('engines are told who has left, with the versions between which they were there', () => {
  const scene = new Scene();
  const [a] = [scene.join('a'), scene.join('b')];
  scene.leave(a);
  const [client, late] = [new Follower(), new Follower()];
  scene.followers.add(client.party, 'client');
  scene.followers.add(late.party, 'engine');
  const rosters = [client, late].map(({ messages }) => messages[0] as Extract<RosterOutbound, { type: 'roster' }>);
  assert.equal(
    rosters.map(({ left }) => left),
    [undefined, [{ id: 0, uuid: 'a', since: 1, until: 3 }]],
  );
  assert.equal(
    rosters.map(({ engines }) => engines.map(({ since }) => since)),
    [[2], [2]],
  );
  scene.followers.close();
});

test('a report that was never sent is an error that names the engine', () => {
  const state = new RosterState();
  const { device, ...row } = engine('a');
  assert.throws(
    () => state.fold({ type: 'engine-up', engine: { ...row, id: 4, report: 'unknown' }, version: 1 }),
    /the device report of engine 4 \(unknown\) was never sent/,
  );
  assert.is(device.kind, 'webgpu');
});

test.run();
