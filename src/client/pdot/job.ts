// A pdot that is planned and can run.
import type { Ref } from '../../protocol/values/ref.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Calls } from '../calls/calls.ts';
import type { CallOptions } from '../options.ts';
import type { Plan } from './plan.ts';

export interface Job {
  readonly engines: Calls<'many'>;
  readonly plan: Plan;
  readonly a: Tensor | Ref;
  readonly b: Tensor | Ref;
  /** Of the operands. */
  readonly dtype: DType;
  /** Of the product. */
  readonly resultDType: DType;
  readonly into: string | undefined;
  readonly limits: CallOptions;
}
