// The table of tf (docs/tf.md) has a use of everything that tfjs computes.
import * as tfjs from '@tensorflow/tfjs';
import * as assert from 'uvu/assert';
import { LAYER_CASES } from '../../../../bench/tf-ops/layer-cases.ts';
import { NO_OPS, OP_CASES } from '../../../../bench/tf-ops/op-cases.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('engines/contexts/tf-uses');

test('every public function, layer and optimizer of tfjs has a use', () => {
  const functions = (owner: object, prefix = '') =>
    Object.entries(owner).flatMap(([key, value]) =>
      typeof value === 'function' && /^[a-z]/.test(key) ? [prefix + key] : [],
    );
  const groups = ['image', 'linalg', 'losses', 'signal', 'sparse', 'spectral', 'string', 'math'] as const;
  const all = [...functions(tfjs), ...groups.flatMap((group) => functions(tfjs[group], `${group}.`))];
  const known = new Set([...Object.keys(OP_CASES), ...NO_OPS]);
  assert.equal(
    all.filter((name) => !known.has(name)),
    [],
  );
  const layers = functions(tfjs.layers, 'layers.').filter((name) => !/Pool\dd$|avgPooling|Cell|[iI]nput/.test(name));
  assert.equal(
    layers.filter((name) => LAYER_CASES[name] === undefined && !/RNNCells$/.test(name)),
    [],
  );
  const optimizers = Object.getOwnPropertyNames(tfjs.train).filter((name) => !/^(?:length|name|prototype)$/.test(name));
  assert.equal(
    optimizers.filter((name) => LAYER_CASES[`train.${name}`] === undefined),
    [],
  );
});

test.run();
