// The conformance suite on the wasm context.
import { declareContext } from '../../../support/conformance.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('conformance wasm');
await declareContext(test, 'wasm', { threads: 1 });
test.run();
