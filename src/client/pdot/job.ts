import type { Ref } from '../../protocol/values/ref.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Calls } from '../calls/calls.ts';
import type { CallOptions } from '../options.ts';
import type { PdotPlan } from './pdot-plan.ts';
import type { PartOfProduct } from './pdot-result.ts';

/** A product that is planned and can run. */
export interface PdotJob {
  readonly calls: Calls<'many'>;
  readonly plan: PdotPlan;
  readonly a: Tensor | Ref;
  readonly b: Tensor | Ref;
  /** The name under which C stays on the engines. */
  readonly into: string | undefined;
  /** The caller's memory for C. */
  readonly out?: Tensor | undefined;
  /** The options of each call; `timeout` is the time that is left. */
  readonly limits: CallOptions;
  /** Notes a call that was made; the last one multiplies. */
  readonly made: (call: PartOfProduct, isLast: boolean) => void;
}
