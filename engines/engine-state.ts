import type { DeviceState } from './device/device-state.ts';
import type { RecycledMemory } from './device/recycled-memory.ts';
import type { UserKernels } from './device/user-kernels.ts';
import type { Identity } from './identity.ts';
import type { Peers } from './peers/peers.ts';
import type { Evaluator } from './user-code/evaluate.ts';
import type { ProvidedNames } from './user-code/provided-names.ts';

/** The parts of an engine that verbs work on. */
export interface EngineState extends DeviceState {
  readonly identity: Identity;
  readonly evaluator: Evaluator;
  readonly peers: Peers;
  readonly kernels: UserKernels;
  readonly provided: ProvidedNames;
  readonly recycled: RecycledMemory;
  /** The replies that the queue keeps. */
  readonly results: { readonly keptBytes: number };
  /** Count of `execute` tasks that were not silent. */
  executionCount: number;
}
