// push: sets names in the namespace; what they held is freed.
import type { PushArguments } from '../../src/protocol/methods.ts';
import { stringList, type Verb } from './verb.ts';

export const push: Verb<PushArguments> = {
  runsUserCode: () => false,
  run({ names, values }, { namespace }) {
    const list = stringList(names, 'push');
    if (!Array.isArray(values) || values.length !== list.length)
      throw new TypeError('push wants a value for each name');
    list.forEach((name, i) => {
      namespace.set(name, values[i]);
    });
    return undefined;
  },
};
