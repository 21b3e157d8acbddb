import { stringList, type Verb } from './verb.ts';

/** Removes names, or everything that the user has set, and frees the values. */
export const clear: Verb<'clear'> = {
  runsUserCode: () => false,
  run(args, { namespace, context }) {
    if (args?.names === undefined) {
      namespace.clear();
      context.opened?.sweep();
    } else for (const name of stringList(args.names, 'clear')) namespace.delete(name);
    return undefined;
  },
};
