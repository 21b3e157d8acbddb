// Colours of values: what util.inspect would have coloured, and nothing else.
import { inspect, stripVTControlCharacters } from 'node:util';
import * as assert from 'uvu/assert';
import { colored, coloredValue } from '../../../../src/client/results/output/colors.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('client/results/colors');

const VALUES = [
  5,
  -1.5e300,
  12n,
  'it',
  [1, 'a', true, false, null, undefined],
  { a: 1, b2: [2], null: null, true: "it's", 'a-b': 'x 5' },
  Symbol('s'),
  Number.NaN,
  Number.POSITIVE_INFINITY,
];

for (const value of VALUES) {
  test(`as inspect: ${inspect(value)}`, () => {
    assert.is(coloredValue(inspect(value)), inspect(value, { colors: true }));
  });
}

test('the text itself stays', () => {
  for (const text of ['Tensor float64[16×4]\n[[ 0 1]]', 'v1.2.3', '<DirectView [0, 1]>', 'a5 = "x\\"y" // null']) {
    assert.is(stripVTControlCharacters(coloredValue(text)), text);
  }
  assert.not.match(coloredValue('float64[16×4] a5 x1y v1'), '\x1b');
});

test('a label', () => assert.is(colored('Out[0:1]:', 'label'), '\x1b[31mOut[0:1]:\x1b[39m'));

test.run();
