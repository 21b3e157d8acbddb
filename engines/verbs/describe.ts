import type { Description } from '../../src/protocol/methods.ts';
import { dtypeOf, isTypedArray } from '../../src/tensor/dtype.ts';
import type { Verb } from './verb.ts';

/** Gives kind, dtype and shape of values without their data; pdot asks before it plans. */
export const describe: Verb<'describe'> = {
  peeks: true,
  runsUserCode: () => false,
  run({ values }): Description[] {
    if (!Array.isArray(values)) throw new TypeError('describe wants a list of values');
    return values.map(descriptionOf);
  },
};

function descriptionOf(value: unknown): Description {
  if (typeof value !== 'object' || value === null)
    return { kind: value === undefined ? 'undefined' : `a ${typeof value}` };
  const kind = `a ${value.constructor?.name ?? 'object'}`;
  if (isTypedArray(value)) return { kind, dtype: dtypeOf(value), shape: [value.length] };
  const { dtype, shape } = value as Description;
  return typeof dtype === 'string' && Array.isArray(shape) ? { kind, dtype, shape: [...shape] } : { kind };
}
