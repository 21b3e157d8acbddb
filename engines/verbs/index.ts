// The verbs by method, one file each: complete, or it does not compile.
import type { Method } from '../../src/protocol/methods.ts';
import { apply } from './apply.ts';
import { clear } from './clear.ts';
import { describe } from './describe.ts';
import { execute } from './execute.ts';
import { kernel } from './kernel.ts';
import { map } from './map.ts';
import { matmul } from './matmul.ts';
import { memory } from './memory.ts';
import { profile } from './profile.ts';
import { provide } from './provide.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import { ring } from './ring.ts';
import type { Verb } from './verb.ts';

const VERBS: { readonly [M in Method]: Verb<M> } = {
  apply,
  execute,
  push,
  pull,
  map,
  profile,
  provide,
  clear,
  memory,
  describe,
  matmul,
  ring,
  kernel,
};

/** The verb of a method. There is one: the header check refuses names that are not in the table of methods. */
export function verbOf<M extends Method>(method: M): Verb<M> {
  return VERBS[method];
}
