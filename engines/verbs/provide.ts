import type { Verb } from './verb.ts';

/** Gives values to names that functions of this client use, and that the engine does not have. */
export const provide: Verb<'provide'> = {
  // Classes with static blocks, and modules.
  runsUserCode: () => true,
  run({ names }, { provided }) {
    if (!Array.isArray(names)) throw new TypeError('provide wants a list of names');
    return provided.set(names);
  },
};
