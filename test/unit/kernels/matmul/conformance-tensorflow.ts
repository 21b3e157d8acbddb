// The conformance suite on the tensorflow context.
import { declareContext } from '../../../support/conformance.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('conformance tensorflow');
await declareContext(test, 'tensorflow', { threads: 1 });
test.run();
