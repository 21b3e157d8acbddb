// The conformance suite on the cpu context.
import { declareContext } from '../../../support/conformance.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('conformance cpu');
await declareContext(test, 'cpu', { threads: 1 });
test.run();
