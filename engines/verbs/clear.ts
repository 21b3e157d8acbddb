import { stringList, type Verb } from './verb.ts';

/** Removes names, or everything that the user has set, and frees the values. */
export const clear: Verb<'clear'> = {
  runsUserCode: () => false,
  run(args, { namespace }) {
    if (args?.names === undefined) namespace.clear();
    else for (const name of stringList(args.names, 'clear')) namespace.delete(name);
    return undefined;
  },
};
