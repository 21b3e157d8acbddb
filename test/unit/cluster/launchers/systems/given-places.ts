import * as assert from 'uvu/assert';
import { GivenPlaces } from '../../../../../src/cluster/launchers/systems/given-places.ts';
import { suite } from '../../../../support/suite.ts';

const test = suite('given places');

test('the job of two engines is over when both have given their places up, and not before', () => {
  const given = new GivenPlaces();
  assert.is(given.give([3])([3, 4]), false);
  assert.is(given.give([4])([3, 4]), true);
  assert.is(given.give([5])([3, 4]), false, 'it was ended before');
  given.take([3]);
  assert.is(given.give([4])([3, 4]), false);
  assert.is(given.give(undefined)([3, 4]), true);
});

test.run();
