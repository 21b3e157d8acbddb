// 2,000 damaged inputs, always the same ones, into every socket of an engine and a controller: `npm run fuzz` sends more.
import * as assert from 'uvu/assert';
import { fuzz } from '../../support/chaos/fuzzer.ts';
import { suite } from '../../support/suite.ts';

const test = suite('chaos/fuzz');
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);

test(`2,000 damaged inputs: honest calls go on, nothing grows (seed ${SEED})`, async () => {
  const { sockets, grown } = await fuzz({ inputs: 2000, seed: SEED });
  assert.equal(Object.values(sockets), [400, 400, 400, 400, 400]);
  assert.ok(grown.engine < 64 && grown.controller < 64, JSON.stringify(grown));
});

test.run();
