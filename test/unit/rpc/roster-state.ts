// The fold of the controller's messages: what a follower knows, and what it is told of changes.
import * as assert from 'uvu/assert';
import type { EngineRecord } from '../../../src/protocol/messages/engine-record.ts';
import type { RosterOutbound } from '../../../src/protocol/messages/roster.ts';
import { type RosterEvent, RosterState } from '../../../src/rpc/roster-state.ts';
import { suite } from '../../support/suite.ts';

const test = suite('roster state');

const engine = (id: number, uuid: string) => ({ id, uuid }) as EngineRecord;
const short = (event: RosterEvent) =>
  event.type === 'engine-up' ? `+${event.engine.uuid}` : `-${event.uuid} ${event.id} ${event.reason}`;

/** The changes by each message, and the engines that are there in the end. */
function follow(...messages: RosterOutbound[]): { changes: string[][]; engines: string[]; version: number } {
  const state = new RosterState();
  const changes = messages.map((message) => state.fold(message).map(short));
  return { changes, engines: state.engines.map(({ uuid }) => uuid), version: state.version };
}

const [A, B] = [engine(0, 'a'), engine(1, 'b')];

test('the first roster brings its engines', () => {
  const { changes, engines, version } = follow({ type: 'roster', engines: [A, B], version: 2 });
  assert.equal(changes, [['+a', '+b']]);
  assert.equal(engines, ['a', 'b']);
  assert.is(version, 2);
});

test('engines join and leave; the version is that of the last message', () => {
  const { changes, engines, version } = follow(
    { type: 'roster', engines: [] },
    { type: 'engine-up', engine: A, version: 1 },
    { type: 'engine-up', engine: B, version: 2 },
    { type: 'engine-down', id: 0, uuid: 'a', reason: 'was killed by SIGKILL', version: 3 },
  );
  assert.equal(changes, [[], ['+a'], ['+b'], ['-a 0 was killed by SIGKILL']]);
  assert.equal(engines, ['b']);
  assert.is(version, 3);
});

test('what is known already changes nothing', () => {
  const { changes } = follow(
    { type: 'roster', engines: [A] },
    { type: 'engine-up', engine: A },
    { type: 'roster', engines: [A] },
    { type: 'engine-down', id: 1, uuid: 'b', reason: 'never seen' },
  );
  assert.equal(changes, [['+a'], [], [], []]);
});

test('a roster after a gap: what is not in it has left, first', () => {
  const { changes, engines } = follow({ type: 'roster', engines: [A] }, { type: 'roster', engines: [B] });
  assert.equal(changes, [['+a'], ['-a 0 no longer registered', '+b']]);
  assert.equal(engines, ['b']);
});

test('a replacement with the same id ends its predecessor, whose own end says nothing more', () => {
  const { changes, engines } = follow(
    { type: 'roster', engines: [A] },
    { type: 'engine-up', engine: engine(0, 'a2') },
    { type: 'engine-down', id: 0, uuid: 'a', reason: 'was restarted' },
  );
  assert.equal(changes, [['+a'], ['-a 0 replaced by a new engine', '+a2'], []]);
  assert.equal(engines, ['a2']);
});

test('other messages change nothing', () => {
  const { changes, engines, version } = follow(
    { type: 'roster', engines: [A], version: 5 },
    { type: 'registered', id: 0 },
    { type: 'cluster-reply', request: 1 },
    { type: 'stopping' },
  );
  assert.equal(changes, [['+a'], [], [], []]);
  assert.equal(engines, ['a']);
  assert.is(version, 5);
});

test.run();
