// The table of methods: one file each.
import type { Method } from '../../src/protocol/messages.ts';
import { apply } from './apply.ts';
import { clear } from './clear.ts';
import { describe } from './describe.ts';
import { execute } from './execute.ts';
import { kernel } from './kernel.ts';
import { map } from './map.ts';
import { matmul } from './matmul.ts';
import { memory } from './memory.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import { ring } from './ring.ts';
import type { Verb } from './verb.ts';

// `never`: each verb checks the arguments that it takes.
const VERBS: Partial<Record<Method, Verb<never>>> = {
  apply,
  execute,
  push,
  pull,
  map,
  clear,
  memory,
  describe,
  matmul,
  ring,
  kernel,
};

/** @throws TypeError that lists the known methods */
export function verbOf(method: Method): Verb<unknown> {
  const verb = Object.hasOwn(VERBS, method) ? VERBS[method] : undefined;
  if (verb !== undefined) return verb as Verb<unknown>;
  throw new TypeError(`this engine has no method '${method}': one of ${Object.keys(VERBS).join(', ')}`);
}
