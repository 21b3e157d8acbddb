// The conformance suite on the headlessgl context.
import { declareContext } from '../../../support/conformance.ts';
import { suite } from '../../../support/suite.ts';

const test = suite('conformance headlessgl');
await declareContext(test, 'headlessgl', { threads: 1 });
test.run();
