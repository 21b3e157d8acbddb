import type { UserNamespace } from '../user-code/namespace.ts';
import type { LazyContext } from './lazy-context.ts';
import type { Residency } from './residency.ts';

/** The parts that work on the device needs: the context, the user's names, and the device copies of their tensors. */
export interface DeviceState {
  readonly context: LazyContext;
  readonly namespace: UserNamespace;
  readonly residency: Residency;
}
