import { stringList, type Verb } from './verb.ts';

/** Sets names in the namespace; values that they held are freed. */
export const push: Verb<'push'> = {
  runsUserCode: () => false,
  run({ names, values }, { namespace, recycled }) {
    const list = stringList(names, 'push');
    if (!Array.isArray(values) || values.length !== list.length)
      throw new TypeError('push wants a value for each name');
    list.forEach((name, i) => {
      namespace.set(name, values[i]);
    });
    if (list.length === 1) recycled.pushed(values[0]);
    return undefined;
  },
};
