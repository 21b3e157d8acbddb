// The roster: ids, slots, incarnations, events. Pure.
import * as assert from 'uvu/assert';
import { type Admission, type Candidate, Roster } from '../../../../src/cluster/roster/roster.ts';
import { MAX_ENGINES } from '../../../../src/protocol/messages/roster.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('roster');

function engine(uuid: string): Candidate {
  const device = { kind: 'cpu', adapter: '', driver: '', software: false, gpuMode: 'cpu', tfBackend: 'cpu' } as const;
  const rest = { matmul: 'reference', threads: 1, limits: {}, features: [], versions: {} };
  const ends = {
    tasks: `unix:///x/${uuid}.tasks`,
    control: `unix:///x/${uuid}.control`,
    peers: `unix:///x/${uuid}.peers`,
  };
  return { uuid, pid: 1, host: 'h', ...ends, device: { ...device, ...rest } };
}

const admit = (roster: Roster, uuid: string, slot?: number) => roster.register(engine(uuid), slot) as Admission;

test('ids count from 0 in the order of registration', () => {
  const roster = new Roster();
  assert.equal([admit(roster, 'a').id, admit(roster, 'b').id, admit(roster, 'c').id], [0, 1, 2]);
});

test('reserved slots go to the engines started for them, whatever the order of arrival', () => {
  const roster = new Roster();
  assert.equal(roster.reserve(3), [0, 1, 2]);
  assert.is(admit(roster, 'c', 2).id, 2);
  assert.is(admit(roster, 'stranger').id, 3);
  assert.is(admit(roster, 'a', 0).id, 0);
  assert.equal(
    roster.engines.map((one) => one.id),
    [0, 2, 3],
  );
});

test('a full roster refuses, and takes another one when somebody has left', () => {
  const many = new Roster();
  for (let n = 0; n < MAX_ENGINES; n++) admit(many, `e${n}`);
  assert.match(JSON.stringify(many.register(engine('more'))), /the roster is full \(16384 engines/);
  many.down(5, 'left');
  assert.is(admit(many, 'more').id, MAX_ENGINES);
});

test('records of 64 MiB are enough: one engine more is refused, until another one has left', () => {
  const large = new Roster();
  const fat = (uuid: string): Candidate => ({ ...engine(uuid), host: 'x'.repeat(60_000) });
  let admitted = 0;
  while ('id' in large.register(fat(`e${admitted}`))) admitted++;
  assert.ok(admitted > 1000 && admitted < 1120, `${admitted}`);
  large.down(0, 'left');
  assert.is(large.register(fat('again')) && 'id' in large.register(fat('again')), true);
});

test('equal device reports are one object, and have one hash', () => {
  const roster = new Roster();
  const other = { ...engine('c'), device: { ...engine('c').device, adapter: 'another one' } };
  admit(roster, 'a');
  admit(roster, 'b');
  roster.register(other);
  assert.is(roster.get(0)?.device, roster.get(1)?.device);
  assert.is(roster.reportOf('a'), roster.reportOf('b'));
  assert.is.not(roster.reportOf('a'), roster.reportOf('c'));
  roster.down(0, 'left');
  assert.is(roster.reportOf('a'), undefined);
  assert.equal(roster.get(1)?.device, engine('b').device);
});

test('registering raises one engine-up with the whole record', () => {
  const roster = new Roster();
  const { events } = admit(roster, 'a');
  assert.equal(events, [{ type: 'engine-up', engine: { ...engine('a'), id: 0 } }]);
});

test('an engine that registers again keeps its id and raises nothing', () => {
  const roster = new Roster();
  admit(roster, 'a');
  assert.equal(admit(roster, 'a'), { id: 0, events: [] });
  assert.is(roster.engines.length, 1);
});

test('down raises one engine-down with the reason, and only once', () => {
  const roster = new Roster();
  admit(roster, 'a');
  assert.equal(roster.down(0, 'was killed'), [{ type: 'engine-down', id: 0, uuid: 'a', reason: 'was killed' }]);
  assert.equal(roster.down(0, 'was killed'), []);
  assert.equal(roster.down(9, 'never was'), []);
});

test('an id is never reused by a newcomer', () => {
  const roster = new Roster();
  admit(roster, 'a');
  roster.down(0, 'died');
  assert.is(admit(roster, 'b').id, 1);
});

test('a replacement takes over the slot of an engine that is gone', () => {
  const roster = new Roster();
  admit(roster, 'a');
  admit(roster, 'b');
  roster.down(0, 'was restarted');
  assert.is(admit(roster, 'a2', 0).id, 0);
  assert.is(roster.get(0)?.uuid, 'a2');
});

for (const slot of [0, 1, 7, -1, 0.5, Number.NaN]) {
  test(`slot ${slot} that is taken, or was never set aside, gives a fresh id`, () => {
    const roster = new Roster();
    admit(roster, 'a');
    assert.is(admit(roster, 'b', slot).id, 1);
    assert.is(roster.get(0)?.uuid, 'a');
  });
}

test('an incarnation that is over is refused with the reason of its end', () => {
  const roster = new Roster();
  admit(roster, 'a');
  roster.down(0, 'did not answer for 15000 ms');
  assert.equal(roster.register(engine('a')), { refused: 'did not answer for 15000 ms' });
  assert.is(roster.engines.length, 0);
});

test('a card is that of one engine, unless cards are shared; another host, another card and no card are free', () => {
  const on = (uuid: string, host: string, card?: string) => ({ ...engine(uuid), host, card });
  const roster = new Roster({ sharesCards: false });
  assert.is((roster.register(on('a', 'h', 'GPU-1')) as Admission).id, 0);
  assert.equal(roster.register(on('b', 'h', 'GPU-1')), {
    refused: 'its card GPU-1 on h is that of engine 0 (shareGpu: true, or --share-gpu, allows it)',
  });
  for (const other of [on('c', 'h', 'GPU-2'), on('d', 'i', 'GPU-1'), on('e', 'h'), on('f', 'h')])
    assert.ok('id' in roster.register(other), other.uuid);
  assert.is((roster.register(on('a', 'h', 'GPU-1')) as Admission).id, 0, 'the same engine again');
  roster.down(0, 'is gone');
  assert.ok('id' in roster.register(on('b', 'h', 'GPU-1')), 'the card is free again');
  const shared = new Roster();
  assert.ok(['a', 'b'].every((uuid) => 'id' in shared.register(on(uuid, 'h', 'GPU-1'))));
});

test.run();
