// Silence of engines: suspect, recovered, dead, and silence of our own. Pure.
import * as assert from 'uvu/assert';
import { Vitals } from '../../../../src/cluster/roster/vitals.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('vitals');
const OPTIONS = { interval: 1000, suspect: 5000, dead: 15_000 };

/** Ticks once a second up to `end`, and gives the verdicts with their times. */
function run(vitals: Vitals, start: number, end: number) {
  const verdicts: [number, string][] = [];
  for (let now = start + 1000; now <= end; now += 1000) {
    for (const { state } of vitals.tick(now)) verdicts.push([now, state]);
  }
  return verdicts;
}

test('an engine that answers is left in peace', () => {
  const vitals = new Vitals(OPTIONS, 0);
  vitals.add(0, 0);
  for (let now = 1000; now < 60_000; now += 1000) {
    assert.equal(vitals.seen(0, now - 1), []);
    assert.equal(vitals.tick(now), []);
  }
});

test('silence: suspect at 5 s, once, and dead at 15 s', () => {
  const vitals = new Vitals(OPTIONS, 0);
  vitals.add(0, 0);
  assert.equal(run(vitals, 0, 15_000), [
    [5000, 'suspect'],
    [15_000, 'dead'],
  ]);
});

test('an answer of a suspect is a recovery', () => {
  const vitals = new Vitals(OPTIONS, 0);
  vitals.add(0, 0);
  run(vitals, 0, 6000);
  assert.equal(vitals.seen(0, 6500), [{ id: 0, state: 'recovered', silent: 6500 }]);
  assert.equal(run(vitals, 6000, 11_000), []);
});

test('a sleep of this process is not the silence of the engines', () => {
  const vitals = new Vitals(OPTIONS, 0);
  vitals.add(0, 0);
  assert.equal(vitals.tick(1000), []);
  assert.equal(vitals.tick(61_000), []);
  assert.equal(run(vitals, 61_000, 64_000).length, 1, 'suspect after 5 s of waking silence');
});

test('a removed engine is not judged', () => {
  const vitals = new Vitals(OPTIONS, 0);
  vitals.add(0, 0);
  vitals.remove(0);
  assert.equal(run(vitals, 0, 20_000), []);
  assert.equal(vitals.seen(0, 1), []);
});

test.run();
