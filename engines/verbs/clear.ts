// clear: removes names, or everything that the user has set, and frees the values.
import type { ClearArguments } from '../../src/protocol/methods.ts';
import { stringList, type Verb } from './verb.ts';

export const clear: Verb<ClearArguments | undefined> = {
  runsUserCode: () => false,
  run(args, { namespace }) {
    if (args?.names === undefined) namespace.clear();
    else for (const name of stringList(args.names, 'clear')) namespace.delete(name);
    return undefined;
  },
};
