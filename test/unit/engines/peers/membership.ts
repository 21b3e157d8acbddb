// Who had which rank, as of any version of the roster: also for an engine that began to follow late.
import * as assert from 'uvu/assert';
import { Membership } from '../../../../engines/peers/membership.ts';
import type { EngineRecord } from '../../../../src/protocol/messages/engine-record.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('membership');
const engine = (id: number, uuid: string) => ({ id, uuid }) as EngineRecord;

test('ranks are those of the version that the task names, whoever came or went since', () => {
  const members = new Membership();
  members.fold({ type: 'roster', engines: [engine(0, 'a'), engine(1, 'b')], version: 2 });
  members.fold({ type: 'engine-up', engine: engine(2, 'c'), version: 3 });
  assert.equal(members.fold({ type: 'engine-down', id: 0, uuid: 'a', reason: 'left', version: 4 }), [0]);
  assert.equal(
    [members.at(2), members.at(3), members.at(4), members.at()],
    [
      [0, 1],
      [0, 1, 2],
      [1, 2],
      [1, 2],
    ],
  );
  assert.is(members.find(2, 2), undefined);
  assert.is(members.find(2, 3)?.uuid, 'c');
  assert.is(members.find(0, 3), undefined, 'it has left');
});

test('one that began to follow late gives the same ranks as one that saw it all', () => {
  const [early, late] = [new Membership(), new Membership()];
  early.fold({ type: 'roster', engines: [engine(0, 'a')], version: 1 });
  early.fold({
    type: 'changes',
    version: 4,
    changes: [
      { type: 'engine-up', engine: engine(1, 'b') },
      { type: 'engine-up', engine: engine(2, 'c') },
      { type: 'engine-down', id: 0, uuid: 'a', reason: 'left' },
    ],
  });
  early.fold({ type: 'engine-up', engine: engine(0, 'a2'), version: 5 });
  late.fold({
    type: 'roster',
    engines: [
      { ...engine(0, 'a2'), since: 5 },
      { ...engine(1, 'b'), since: 2 },
      { ...engine(2, 'c'), since: 3 },
    ],
    left: [{ id: 0, uuid: 'a', since: 1, until: 4 }],
    version: 5,
  });
  for (const version of [1, 4, 5, undefined]) assert.equal(late.at(version), early.at(version), `${version}`);
  assert.equal(early.at(4), [1, 2]);
  assert.equal(early.at(1), [0]);
});

test.run();
