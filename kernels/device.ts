import type * as tfcore from '@tensorflow/tfjs-core';
import type { DeviceOption } from './device-option.ts';

/** tfjs, as the context of an engine hands it out. Kernels never import a backend. */
export type TF = typeof tfcore;

/** The device that kernels of this process compute on. */
export interface KernelDevice {
  /** tfjs on the device, loaded at its first use. */
  tf(): Promise<TF>;
  /** CPU threads that this process may use, also to decode pictures. */
  readonly threads: number;
  /** Ends the running task with TaskTimeout in so many milliseconds, if it still runs then. */
  limit?(ms: number): void;
}

let current: KernelDevice | undefined;

/** Sets the default device of this process, as every engine does. Undefined clears it. */
export function useDevice(device: KernelDevice | undefined): void {
  current = device;
}

/** The default device of this process; undefined outside of engines. */
export function currentDevice(): KernelDevice | undefined {
  return current;
}

/**
 * The tfjs to compute with: that of the options, else that of the default device.
 * @param what the function that asks, for the error
 * @throws TypeError without a device, which tells how to call the function
 */
export async function tfOf({ tf }: DeviceOption, what: string): Promise<TF> {
  // Any copy of tfjs will do: its type is not part of ours, as its declarations need types of browsers.
  if (tf !== undefined) return tf as TF;
  if (current !== undefined) return current.tf();
  throw new TypeError(
    `${what} computes on an engine's device: engines.map(${what}, …), or ${what}(…, { tf }) with tfjs of your own`,
  );
}
