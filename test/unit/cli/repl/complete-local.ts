// Tab on JavaScript of this process.
import * as assert from 'uvu/assert';
import { completeLocal } from '../../../../src/cli/repl/complete-local.ts';
import { Indexable } from '../../../../src/client/indexing.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('cli/repl/complete-local');

class Rack extends Indexable<{ shelf1: number }, never> {
  constructor() {
    super(() => ({ shelf1: 1 }));
  }
  get parts1(): { bolt1: number }[] {
    return [{ bolt1: 1 }];
  }
  sort1(): void {}
}
Object.assign(globalThis, {
  rack1: new Rack(),
  broken1: new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no');
      },
    },
  ),
  thrower1: {
    get bad() {
      throw new Error('no');
    },
  },
});

const cases: readonly [string, readonly string[], string][] = [
  ['rack', ['rack1'], 'rack'],
  ['await rack1.so', ['rack1.sort1'], 'rack1.so'],
  ['f(rack1[0].sh', ['rack1[0].shelf1'], 'rack1[0].sh'],
  ['rack1.parts1[0].b', ['rack1.parts1[0].bolt1'], 'rack1.parts1[0].b'],
  ['broken1.x', [], 'broken1.x'],
  ['thrower1.bad.x', [], 'thrower1.bad.x'],
  ['nowhere1.x', [], 'nowhere1.x'],
  ['instanceo', ['instanceof'], 'instanceo'],
  ['f().x', [], ''],
  ['', [], ''],
];

for (const [line, names, replaced] of cases) {
  test(`'${line}'`, () => assert.equal(completeLocal(line), [[...names], replaced]));
}

test.run();
